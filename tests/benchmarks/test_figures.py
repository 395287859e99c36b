"""What the table of figures says of measurements: bounds, costs, and what a figure lacks."""

import shutil
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from powersync_auth.bundle import AWS, lambda_bundle
from powersync_auth.routes import ACCESS_LOG_FIELDS
from powersync_auth.timings import Timings
from tests.benchmarks import contestants, cost, documents, figures
from tests.benchmarks.figures import Figure
from tests.benchmarks.measure import Measurements
from tests.rotation.account import Account, Watch
from token_service.keys.commands import RotateCommands
from token_service.settings import RotationSettings

MICROSECOND = 1e-6


@pytest.fixture
def measured() -> Measurements:
    """As on a machine on which every bound holds."""
    seconds = {
        "bare.sign_es256": 17.6,
        "bare.verify_rs256": 17.3,
        "bare.encode_es256": 33.1,
        "bare.decode_and_encode": 82.5,
        "original.rs256": 1280,
        "ours.anonymous": 54.6,
        "ours.anonymous_rs256": 272,
        "ours.signed_in": 99,
        "ours.jwks": 1.19,
        "ours.jwks_not_modified": 1.02,
        "tutorial.anonymous": 810,
        "ours.cold_anonymous": 380e3,
        "ours.cold_jwks": 67e3,
        "bare.cold_interpreter": 28e3,
        "bare.cold_imports": 320e3,
        "tutorial.cold_anonymous": 1270e3,
        "tutorial.cold_jwks": 1190e3,
        "import.boto3": 201e3,
        "import.botocore_signer": 119e3,
        "import.ours": 52e3,
    }
    return {
        **{name: value * MICROSECOND for name, value in seconds.items()},
        **{f"ours.{name}_peak_memory": 56e6 for name in ("anonymous", "signed_in", "jwks")},
        "ours.anonymous_aws_calls": 3,
        "ours.signed_in_aws_calls": 3,
        "ours.zip_bytes": 8.9e6,
        "ours.zip_bytecode_files": 812,
        "ours.anonymous_answer_length": 900,
        "local.anonymous_errors": 0,
    }


def _one(lines: list[Figure], beginning: str) -> Figure:
    (line,) = [line for line in lines if line.figure.startswith(beginning)]
    return line


def test_a_good_run_holds_every_bound(measured: Measurements) -> None:
    assert [line.figure for line in figures.bounded(measured) if not line.holds] == []


def test_a_zip_without_bytecode_does_not_hold_its_bound_and_says_why(
    measured: Measurements,
) -> None:
    line = _one(figures.bounded(measured | {"ours.zip_bytecode_files": 0}), "zip for AWS")
    assert line.holds is False
    assert line.verdict == "NO: no bytecode, for there is no Python 3.13 here to compile with"
    assert "no bytecode" in str(line.row()["missing"])


def test_bytecode_is_counted_in_the_zip_itself(tmp_path: Path) -> None:
    without = tmp_path / "without.zip"
    with zipfile.ZipFile(without, "w") as archive:
        archive.writestr("token_service/__init__.py", "")
    assert contestants.bytecode_files(without) == 0
    deployed = lambda_bundle(target=AWS)
    with zipfile.ZipFile(deployed) as archive:
        compiled = "token_service/endpoints/__pycache__/api.cpython-313.pyc" in archive.namelist()
    assert (contestants.bytecode_files(deployed) > 100) == compiled


def test_the_line_of_the_access_log_is_counted_as_it_is_written() -> None:
    names = sum(len(name) for name in ACCESS_LOG_FIELDS)
    values = sum(len(cost.LOGGED[value]) for value in ACCESS_LOG_FIELDS.values())
    punctuation = 6 * len(ACCESS_LOG_FIELDS) + 1  # "name":"value", and braces for the last comma
    assert cost.access_log_bytes() == names + values + punctuation + 26


def test_the_first_gigabytes_of_the_access_log_are_free() -> None:
    tokens = 5e9 / cost.access_log_bytes()
    assert cost.access_log(tokens, free_gb=5) == 0
    assert cost.access_log(3 * tokens, free_gb=5) == pytest.approx(2 * 5 * 0.50)
    assert cost.access_log(tokens, free_gb=0) == pytest.approx(5 * 0.50)


def test_the_access_log_has_figures_of_its_own(measured: Measurements) -> None:
    raw = figures.raw(measured)
    bound = _one(figures.bounded(measured), "marginal cost").value
    assert _one(raw, "access log: 1 M tokens within").value == 0
    beyond = _one(raw, "access log: 1 M tokens beyond").value
    assert beyond > 0.1
    total = _one(raw, "ours: cost of 1 M tokens with the access log").value
    assert total == pytest.approx(bound + beyond)


def test_reads_of_the_ring_by_time_are_fixed_cost() -> None:
    """Two containers, one of `auth` and one of `auth-anonymous`, every 300 s of 730 hours."""
    reads = 2 * 730 * 3600 / 300
    assert Timings.derive(3600, 300).keyring_cache == 300
    assert cost.fixed_cost(7) == cost.fixed_cost(1)
    watched = cost.watch()
    assert cost.fixed_cost(1) == pytest.approx(1.40 + reads * (0.05 + 0.03) / 10_000 + watched)


def test_looking_at_the_jwks_is_fixed_cost() -> None:
    """Every five minutes: two calls to Secrets Manager, two decryptions, 0.2 s of 512 MB."""
    calls = 2 * 0.05 / 10_000 + 2 * 0.03 / 10_000
    each = calls + 0.20 / 1_000_000 + 0.2 * 0.5 * 0.0000133334
    assert cost.watch() == pytest.approx(730 * 12 * each)


def test_the_rotate_function_makes_the_calls_that_are_counted() -> None:
    account = Account(in_model=True)
    account.function().bootstrap()
    seen: Counter[str] = Counter()

    def see(_: int, action: str) -> None:
        seen[action] += 1

    function = account.function(Watch(before=see))
    settings = RotationSettings("arn", "/jwks", "ES256", 1, 1, 1, 1, 1, 1)
    assert RotateCommands(function, settings, account.wait).run({"action": "watch"}) == {}
    assert seen == {"GetParameter": 2, "GetSecretValue": 1, "DescribeSecret": 1, "Decrypt": 1}


def test_a_cold_start_reads_the_ring_once_at_the_margin() -> None:
    with_read, without = (
        cost.per_token(55e-6, 0.3, cold_start_calls=calls) for calls in (cost.RING_READ, 0)
    )
    assert with_read - without == pytest.approx(0.08 / 10_000 / cost.TOKENS_PER_COLD_START)


def test_the_fixed_cost_of_later_years_stands_beside_the_bound(measured: Measurements) -> None:
    bounded = _one(figures.bounded(measured), "fixed cost a month, first seven years")
    raw = figures.raw(measured)
    second, later = (
        _one(raw, f"ours: fixed cost a month, {year}")
        for year in ("eighth year", "from the fifteenth year")
    )
    assert second.value == pytest.approx(bounded.value + 1)
    assert later.value == pytest.approx(bounded.value + 2)
    assert (second.bound, later.bound) == (None, None)


def test_every_page_that_names_the_fixed_cost_has_it_right() -> None:
    """Also those that no run renews, and in between two runs."""
    first, second, later = (f"${cost.fixed_cost(year):.2f}" for year in (1, 8, 15))
    watch = f"${cost.watch():.2f}"
    decisions = documents.DOCS / "decisions"
    (rotates,), (sealed,) = decisions.glob("8-*"), decisions.glob("13-*")
    performance = (documents.DOCS / "performance.md").read_text()
    assert documents.fixed_cost() in performance
    for figure in [*figures.fixed(), figures.first_years()]:
        assert f"| {figure.figure} | {figure.text} |" in performance
    readme = _words(contestants.ROOT / "README.md")
    assert f"About {first} a month stands still" in readme
    assert f"looking after the JWKS {watch})" in readme
    assert f"The watch is {watch} a month" in _words(sealed)
    assert f"goes from {first} to {second} and {later}." in _words(rotates)
    assert f"seven years at {first}." in _words(rotates)


def _words(page: Path) -> str:
    return " ".join(page.read_text().split())


def test_a_run_renews_the_figures_in_the_prose(
    measured: Measurements, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(documents.DOCS, tmp_path / "docs")
    monkeypatch.setattr(documents, "DOCS", tmp_path / "docs")
    slower = measured | {"ours.cold_anonymous": 0.7, "import.boto3": 0.52}
    documents.write(figures.bounded(slower), figures.raw(slower), slower)
    page = " ".join((tmp_path / "docs" / "performance.md").read_text().split())
    assert "starts in an estimated 1.21 s where the smallest takes 9.67 s" in page
    assert "**$1.69** in the first seven years" in page
    assert "**$3.69** from the fifteenth on" in page
    (decision,) = (tmp_path / "docs" / "decisions").glob("2-*")
    assert "takes 10.0 times the CPU" in " ".join(decision.read_text().split())


def test_a_page_without_markers_is_not_written(
    measured: Measurements, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(documents.DOCS, tmp_path / "docs")
    monkeypatch.setattr(documents, "DOCS", tmp_path / "docs")
    page = tmp_path / "docs" / "performance.md"
    page.write_text(page.read_text().replace("<!-- fixed cost -->", ""))
    before = page.read_text()
    with pytest.raises(ValueError, match="markers <!-- fixed cost -->"):
        documents.write([], [], measured)
    assert page.read_text() == before


def test_a_figure_holds_on_its_own_side_of_the_bound() -> None:
    figure = Figure("", 5, "times", 5)
    assert figure.holds
    assert not replace(figure, relation="<").holds
    assert replace(figure, value=5.1, relation="≥").holds
    assert replace(figure, bound=None).holds is None
