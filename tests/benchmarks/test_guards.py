"""What keeps the functions cheap and quick, in exact numbers: nothing here is timed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundle import AWS, lambda_bundle
from tests.benchmarks import imports
from tests.benchmarks.aws import LoopbackAws
from tests.benchmarks.contestants import signed_in
from tests.benchmarks.measure import SIMULATED_SECONDS, SIMULATED_TOKENS, Field
from tests.benchmarks.processes import Container, cold_start

FUNCTIONS = ["auth", "auth_anonymous", "jwks"]


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with LoopbackAws() as aws:
        yield Field.prepare(tmp_path_factory.mktemp("bench"), aws, credentials=50, tutorial=False)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_cold_start_imports_nothing_new(field: Field, function: str) -> None:
    recorded = set(json.loads(imports.RECORD.read_text())[function])
    imported = imports.shipped(cold_start(field.functions()[function])["modules"])
    assert set(imported) - recorded == set(), f"if wanted, record it: see {imports.__file__}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_cold_start_makes_one_call_to_aws(field: Field, function: str) -> None:
    field.aws.calls.clear()
    cold_start(field.functions()[function])
    assert field.aws.calls.total() == 1


@pytest.mark.parametrize(
    ("function", "calls"),
    [("auth", 3), ("auth_anonymous", 3), ("jwks", 11)],
)
def test_ten_minutes_of_a_warm_container_take_few_calls_to_aws(
    field: Field, function: str, calls: int
) -> None:
    """The ring is read every 5 minutes, the JWKS every minute, however many answers are given."""
    field.aws.calls.clear()
    contestant = field.functions()[function]
    events = [contestant.event]
    if function == "auth":
        events = [signed_in(credential) for credential in field.credentials]
    with Container(contestant, shift_clocks=True) as container:
        container.batch(SIMULATED_TOKENS, events, advance=SIMULATED_SECONDS / SIMULATED_TOKENS)
    assert field.aws.calls.total() == calls


def test_the_zip_stays_small(tmp_path: Path) -> None:
    assert lambda_bundle(target=AWS).stat().st_size < 10_000_000
