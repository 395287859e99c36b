"""What all tests share: figures, numbers that a test reports at the end of the run."""

from collections import defaultdict
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

# No example is too slow, and none takes too long to make: the machine may be busy.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

Figure = Callable[[str, int], None]
"""Reports a number under a name; numbers of the same name are added up, over all tests."""

_PROPERTY = "figure"


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """A test reports `figure("attacks refused", 1)`, and the run ends with the sum."""
    return lambda name, value: record_property(_PROPERTY, (name, value))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the test that mostly waits, so that the others run beside it and not before."""
    items.sort(key=lambda item: "under_load" not in item.nodeid)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures, those of parallel workers together."""
    sums: dict[str, int] = defaultdict(int)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) != "teardown":
                continue  # Each phase's report carries the properties of the whole test.
            for name, value in report.user_properties:
                if name == _PROPERTY:
                    figure_name, number = value
                    sums[figure_name] += number
    if sums:
        terminalreporter.section("figures")
        for figure_name in sorted(sums):
            terminalreporter.line(f"{figure_name}: {sums[figure_name]:,}")
