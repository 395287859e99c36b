"""The Lambda zip: the same everywhere, complete in itself, with the right bytecode or none."""

import importlib.util
import json
import marshal
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import CodeType

import pytest

from powersync_auth import bundle
from powersync_auth.bundle import AWS, LOCAL, BundleError, lambda_bundle
from tests.infra.conftest import EVERYTHING, naming
from tests.infra.plan import record

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 1_000_000
UNCHECKED_HASH = 0b01
"""The flags of a .pyc that is taken without looking at its source (PEP 552)."""
AARCH64 = 0xB7
"""`e_machine` of an ELF file."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same sources in two folders, of different depth."""
    first = tmp_path_factory.mktemp("first") / "lambda_src"
    second = tmp_path_factory.mktemp("second") / "some" / "where" / "else" / "lambda_src"
    shutil.copytree(ROOT / "lambda_src", first, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(first, second)
    return [first, second]


@pytest.fixture(scope="module", params=[AWS, LOCAL], ids=lambda target: target.name)
def target(request: pytest.FixtureRequest) -> bundle.Target:
    asked: bundle.Target = request.param
    return asked


@pytest.fixture(scope="module")
def zips(sources: list[Path], target: bundle.Target) -> list[Path]:
    """The zip of each folder, built at the same time."""
    with ThreadPoolExecutor() as pool:
        built = pool.map(
            lambda source: lambda_bundle(
                source=source, cache=source.parent / "bundles", target=target
            ),
            sources,
        )
        return list(built)


@pytest.fixture(scope="module")
def entries(zips: list[Path]) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(zips[0]) as archive:
        yield archive


@pytest.fixture(scope="module")
def runnable(sources: list[Path]) -> Path:
    """The zip that runs on this machine."""
    return lambda_bundle(source=sources[0], cache=sources[0].parent / "bundles", target=LOCAL)


@pytest.fixture(scope="module")
def unpacked(runnable: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That zip as Lambda unpacks it."""
    folder = tmp_path_factory.mktemp("var") / "task"
    with zipfile.ZipFile(runnable) as archive:
        archive.extractall(folder)
    return folder


def test_the_same_sources_give_the_same_zip_in_any_folder(zips: list[Path]) -> None:
    first, second = (path.read_bytes() for path in zips)
    assert first == second


def test_an_unchanged_zip_is_not_built_again(sources: list[Path], zips: list[Path]) -> None:
    target = AWS if zips[0].name.startswith("aws") else LOCAL
    built = zips[0].stat().st_ino
    again = lambda_bundle(source=sources[0], cache=zips[0].parent, target=target)
    assert again == zips[0]
    assert again.stat().st_ino == built


@pytest.mark.parametrize("changed", ["requirements.txt", "token_service/__init__.py"])
def test_a_change_gives_another_zip(tmp_path: Path, sources: list[Path], changed: str) -> None:
    source = tmp_path / "lambda_src"
    shutil.copytree(sources[0], source)
    before = bundle._fingerprint(source, LOCAL, sys.executable)
    with (source / changed).open("a") as file:
        file.write("\n# changed\n")
    assert bundle._fingerprint(source, LOCAL, sys.executable) != before


def test_builds_at_the_same_time_do_not_disturb_each_other(
    sources: list[Path], tmp_path: Path
) -> None:
    with ThreadPoolExecutor() as pool:
        builds = [
            pool.submit(lambda_bundle, source=sources[0], cache=tmp_path, target=LOCAL)
            for _ in range(2)
        ]
        first, second = (build.result() for build in builds)
    assert first == second
    assert list(tmp_path.iterdir()) == [first]
    assert zipfile.ZipFile(first).testzip() is None


def test_entries_are_sorted_with_a_fixed_date_and_mode(entries: zipfile.ZipFile) -> None:
    infos = entries.infolist()
    assert [info.filename for info in infos] == sorted(info.filename for info in infos)
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert {info.external_attr >> 16 for info in infos} == {0o100644}


def test_nothing_is_shipped_that_python_does_not_need(entries: zipfile.ZipFile) -> None:
    names = [Path(name) for name in entries.namelist()]
    assert not [name for name in names if name.name in ("RECORD", "INSTALLER", "direct_url.json")]
    assert not [name for name in names if name.suffix in (".pyi", ".c", ".h")]
    assert not [name for name in names if {"bin", "tests"} & set(name.parts)]


def test_the_zip_is_at_most_10_megabytes(zips: list[Path]) -> None:
    assert zips[0].stat().st_size <= 10 * MEGABYTE


def test_the_bytecode_belongs_to_the_runtime(
    entries: zipfile.ZipFile, target: bundle.Target
) -> None:
    names = entries.namelist()
    compiled = [name for name in names if name.endswith(".pyc")]
    ours = [name for name in names if name.startswith("token_service/") and name.endswith(".py")]
    assert ours
    if bundle._find_compiler(target) is None:
        assert not compiled
        pytest.skip(f"no Python {target.python_version} here, so there is no bytecode to look at")
    assert [name for name in names if name.endswith(".py")] == ours
    cached = {name for name in compiled if name.startswith("token_service/")}
    tag = f"cpython-{target.python_version.replace('.', '')}"
    assert cached == {
        str(Path(name).parent / "__pycache__" / f"{Path(name).stem}.{tag}.pyc") for name in ours
    }
    assert len(compiled) > len(cached)
    for name in compiled:
        content = entries.read(name)
        assert int.from_bytes(content[:2], "little") == target.magic_number, name
        assert int.from_bytes(content[4:8], "little") == UNCHECKED_HASH, name


def test_the_declared_runtime_has_the_bytecode_format_we_believe_it_has() -> None:
    """On CPython 3.13 itself this is exact; elsewhere it holds the table against this Python."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    magic = int.from_bytes(importlib.util.MAGIC_NUMBER[:2], "little")
    assert (magic == AWS.magic_number) == (here == AWS.python_version)


def test_compiled_code_names_its_place_in_lambda(unpacked: Path) -> None:
    for path in unpacked.rglob("*.pyc"):
        code = marshal.loads(path.read_bytes()[16:])
        assert isinstance(code, CodeType)
        folder = path.parent.parent if path.parent.name == "__pycache__" else path.parent
        source = folder / f"{path.name.split('.')[0]}.py"
        assert code.co_filename == f"/var/task/{source.relative_to(unpacked).as_posix()}"


def test_a_compiler_of_another_version_is_refused(sources: list[Path], tmp_path: Path) -> None:
    future = replace(LOCAL, python_version="3.99", magic_number=LOCAL.magic_number + 1)
    with pytest.raises(BundleError, match=r"does not make bytecode for Python 3\.99"):
        lambda_bundle(source=sources[0], cache=tmp_path, target=future, compiler=sys.executable)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_target_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(bundle.TARGET_VARIABLE, "azure")
    with pytest.raises(BundleError, match=r"POWERSYNC_AUTH_BUNDLE_TARGET is 'azure'.*aws.*local"):
        lambda_bundle()


def test_a_dependency_without_the_locked_hash_is_refused(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(f"mangum==0.22.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(BundleError, match=r"requirements\.txt failed:[\s\S]*[Hh]ash"):
        lambda_bundle(source=tmp_path, cache=tmp_path / "bundles", target=LOCAL)


def test_compiled_extensions_are_for_arm64(sources: list[Path]) -> None:
    built = lambda_bundle(source=sources[0], cache=sources[0].parent / "bundles", target=AWS)
    with zipfile.ZipFile(built) as archive:
        extensions = [name for name in archive.namelist() if name.endswith(".so")]
        machines = {int.from_bytes(archive.read(name)[18:20], "little") for name in extensions}
    assert extensions
    assert machines == {AARCH64}


@pytest.fixture
def environment(runnable: Path) -> dict[str, str]:
    """What a function finds when it starts, for all functions together."""
    with naming(runnable):
        plan = record(**EVERYTHING)
    variables: dict[str, str] = {}
    for function in plan.of("Function"):
        variables |= plan.environment(function)
    return variables


def test_the_zip_runs_alone(unpacked: Path, environment: dict[str, str]) -> None:
    """Every handler can be imported with the standard library and the zip only."""
    handlers = sorted(
        f"token_service.handlers.{path.stem}"
        for path in (unpacked / "token_service" / "handlers").glob("[a-z]*.py")
    )
    assert len(handlers) >= 4
    code = (
        "import importlib, json, sys; sys.path.insert(0, sys.argv[1])\n"
        "for name in sys.argv[2:]: importlib.import_module(name)\n"
        "files = {getattr(m, '__file__', None) for m in list(sys.modules.values())}\n"
        "print(json.dumps(sorted(f for f in files if f)))"
    )
    finished = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, unpacked, *handlers],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    loaded = [Path(name) for name in json.loads(finished.stdout)]
    assert any(path.is_relative_to(unpacked) for path in loaded)
    foreign = [path for path in loaded if "site-packages" in path.parts]
    assert not foreign
