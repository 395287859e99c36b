"""What keeps the functions cheap and quick, in exact numbers: nothing here is timed."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from powersync_auth.bundle import AWS
from tests.benchmarks import imports
from tests.benchmarks.aws import LoopbackAws
from tests.benchmarks.contestants import signed_in
from tests.benchmarks.field import Field
from tests.benchmarks.measure import SIMULATED_SECONDS, SIMULATED_TOKENS
from tests.benchmarks.processes import Container, cold_start

FUNCTIONS = ["auth", "auth_anonymous", "jwks", "rotate"]
CALLS = {
    "auth": {"GetSecretValue": 1},
    "auth_anonymous": {"GetSecretValue": 1},
    "jwks": {"GetParameter": 1, "Decrypt": 1},
    "rotate": {"GetSecretValue": 1, "DescribeSecret": 1, "GetParameter": 1, "Decrypt": 1},
}
"""Calls to AWS until the first answer; of `rotate` that is the status of the keys."""
JWKS_DOES_WITHOUT = {
    "fastapi",
    "cryptography",
    "token_service.keys.keyring",
    "token_service.keys.ring_store",
    # With `inspect`, as much as TLS.
    "dataclasses",
    # With `traceback` and `threading`, as much again.
    "logging",
    # What the standard library's HTTP client brings, half as much more.
    "email",
    "token_service.keys.publication",
    # What Python knows of international names.
    "encodings.idna",
}


@dataclass(frozen=True)
class ColdStart:
    """A function's start and its first answer.

    `calls` are those to AWS by action, the rest is the worker's own report.
    """

    function: str
    modules: list[str]
    collections: int
    collects: bool
    calls: dict[str, int]


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with LoopbackAws() as aws:
        yield Field.prepare(tmp_path_factory.mktemp("bench"), aws, credentials=50, tutorial=False)


@pytest.fixture(scope="module", params=FUNCTIONS)
def cold(request: pytest.FixtureRequest, field: Field) -> ColdStart:
    field.aws.calls.clear()
    report = cold_start(field.functions()[request.param])
    return ColdStart(
        request.param,
        report["modules"],
        report["collections"],
        report["collects"],
        dict(field.aws.calls),
    )


def test_a_cold_start_imports_nothing_new_from_the_zip(cold: ColdStart) -> None:
    new = imports.shipped(cold.modules) - set(imports.recorded(cold.function)["shipped"])
    assert new == set(), f"if wanted, record it: see {imports.__file__}"


def test_a_cold_start_imports_nothing_new_from_the_standard_library(cold: ColdStart) -> None:
    recorded = imports.recorded_standard(imports.recorded(cold.function))
    if imports.PYTHON not in recorded:
        pytest.skip(f"not recorded for Python {imports.PYTHON}, only for {', '.join(recorded)}")
    new = imports.standard(cold.modules) - recorded[imports.PYTHON]
    assert new == set(), f"if wanted, record it: see {imports.__file__}"


def test_the_jwks_function_starts_without_what_it_does_not_need(cold: ColdStart) -> None:
    """Also when its imports are recorded anew."""
    if cold.function == "jwks":
        assert JWKS_DOES_WITHOUT.isdisjoint(cold.modules)
    else:
        assert not JWKS_DOES_WITHOUT.isdisjoint(cold.modules)


def test_imports_are_recorded_for_the_python_that_lambda_runs() -> None:
    for function in FUNCTIONS:
        assert AWS.python_version in imports.recorded_standard(imports.recorded(function))


def test_a_cold_start_makes_few_calls_to_aws(cold: ColdStart) -> None:
    assert cold.calls == CALLS[cold.function]


def test_no_garbage_is_collected_while_a_token_function_starts(cold: ColdStart) -> None:
    if cold.function in {"auth", "auth_anonymous"}:
        assert cold.collections == 0
    assert cold.collects, "a container that lives for hours needs its collector"


@pytest.mark.parametrize(
    ("function", "calls"),
    [("auth", 3), ("auth_anonymous", 3), ("jwks", 12)],
)
def test_ten_minutes_of_a_warm_container_take_few_calls_to_aws(
    field: Field, function: str, calls: int
) -> None:
    """The ring is read every 5 minutes, the JWKS every minute, and its seal is opened once."""
    field.aws.calls.clear()
    contestant = field.functions()[function]
    events = [contestant.event]
    if function == "auth":
        events = [signed_in(credential) for credential in field.credentials]
    with Container(contestant, shift_clocks=True) as container:
        container.batch(SIMULATED_TOKENS, events, advance=SIMULATED_SECONDS / SIMULATED_TOKENS)
    assert field.aws.calls.total() == calls
