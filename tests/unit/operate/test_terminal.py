"""What operators' commands print."""

import pytest

from operate.terminal import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.6, "1 min"), (3780, "1 h 3 min"), (90061, "1 d 1 h"), (-5, "0 s")],
)
def test_a_duration_is_told_in_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text
