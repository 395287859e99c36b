"""How everything is set up: what is made again, how large it is, and why it failed."""

import importlib.metadata
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from requirements import set_up

ROOT = Path(__file__).resolve().parents[2]
LOCKS = tuple(f"requirements/{name}.txt" for name in ("uv", "dev", "operate", "local", "ministack"))
VENV, PACKAGES, MINISTACK = "a virtual environment", "Python packages", "MiniStack"
OPERATORS, LOCAL = "what operators need", "what the local stack needs"


class Clone:
    """A clone in which everything has been set up, one thing after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clock = 1_800_000_000
        shutil.copy(ROOT / "Makefile", folder)
        for lock in LOCKS:
            self.touch(lock)
        self.link(".venv/bin/python", sys.executable)
        self.touch(".venv/.created")
        self.touch(".venv/.packages")
        self.link(".local/ministack/bin/python", sys.executable)
        self.touch(".local/ministack/.packages")

    def touch(self, name: str) -> None:
        """Write a file anew, later than all the others."""
        file = self._folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        self._clock += 1
        os.utime(file, (self._clock, self._clock))

    def link(self, name: str, target: str) -> None:
        """Make an interpreter what venv makes of it, a link."""
        self.remove(name)
        (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self._folder / name).symlink_to(target)

    def remove(self, name: str) -> None:
        """Remove a file or a folder, if it is there."""
        path = self._folder / name
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)

    def would_be_made(self, target: str = "setup") -> list[str]:
        """What a target would set up."""
        environment = {name: os.environ[name] for name in ("PATH", "HOME")}
        said = subprocess.run(
            ["make", "-n", target],
            cwd=self._folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return re.findall(
            rf'set_up.py "({VENV}|{PACKAGES}|{MINISTACK}|{OPERATORS}|{LOCAL})', said.stdout
        )


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def _venv_was_killed(clone: Clone) -> None:
    """The interpreter is there before pip is."""
    clone.remove(".venv/.created")
    clone.remove(".venv/.packages")
    clone.remove(".local")


@pytest.mark.parametrize(
    ("happened", "made_again"),
    [
        (lambda _: None, []),
        (lambda clone: clone.remove(".venv"), [VENV, PACKAGES, MINISTACK]),
        (lambda clone: clone.link(".venv/bin/python", "/gone"), [VENV, PACKAGES, MINISTACK]),
        (_venv_was_killed, [VENV, PACKAGES, MINISTACK]),
        (lambda clone: clone.remove(".venv/.packages"), [PACKAGES]),
        (lambda clone: clone.remove(".local"), [MINISTACK]),
        (lambda clone: clone.link(".local/ministack/bin/python", "/gone"), [MINISTACK]),
        (lambda clone: clone.touch("requirements/dev.txt"), [PACKAGES]),
        (lambda clone: clone.touch("requirements/ministack.txt"), [MINISTACK]),
    ],
    ids=[
        "nothing",
        "the venv was removed",
        "the Python of the venv is gone",
        "the venv's creation was killed",
        "the installation was killed",
        "MiniStack was removed",
        "the Python of MiniStack is gone",
        "a lock changed",
        "MiniStack's lock changed",
    ],
)
def test_what_is_missing_or_unfinished_is_made_again_with_all_that_is_made_from_it(
    clone: Clone, happened: Callable[[Clone], None], made_again: list[str]
) -> None:
    happened(clone)
    assert clone.would_be_made() == made_again


def test_an_operators_command_alone_sets_up_a_small_environment(clone: Clone) -> None:
    clone.remove(".venv")
    clone.remove(".local")
    assert clone.would_be_made("keys") == [OPERATORS]
    clone.link(".local/operators/bin/python", sys.executable)
    clone.touch(".local/operators/.packages")
    assert clone.would_be_made("keys") == []
    clone.touch("requirements/operate.txt")
    assert clone.would_be_made("keys") == [OPERATORS]


def test_an_operators_command_uses_the_environment_that_is_there(clone: Clone) -> None:
    assert clone.would_be_made("keys") == []


def test_the_local_stack_alone_sets_up_an_environment_that_operators_use_too(clone: Clone) -> None:
    clone.remove(".venv")
    clone.remove(".local")
    assert clone.would_be_made("local") == [LOCAL, MINISTACK]
    clone.link(".local/venv/bin/python", sys.executable)
    clone.touch(".local/venv/.packages")
    assert clone.would_be_made("local") == [MINISTACK]
    clone.link(".local/ministack/bin/python", sys.executable)
    clone.touch(".local/ministack/.packages")
    assert clone.would_be_made("local") == clone.would_be_made("keys") == []
    clone.touch("requirements/local.txt")
    assert clone.would_be_made("local") == [LOCAL]
    assert clone.would_be_made() == [VENV, PACKAGES, MINISTACK]


def test_the_local_stack_uses_the_environment_that_is_there(clone: Clone) -> None:
    assert clone.would_be_made("local") == []
    clone.touch("requirements/dev.txt")
    assert clone.would_be_made("local") == [PACKAGES]


@pytest.mark.parametrize(
    ("lock", "modules"),
    [
        ("operate", "operate.__main__"),
        ("local", "operate.__main__, local.command, operate.page.routes, operate.page.service"),
    ],
)
def test_what_is_imported_is_in_the_lock(lock: str, modules: str) -> None:
    """Else it works here, and not where nothing else is set up."""
    script = f"import sys; import {modules}; print(*sys.modules)"
    path = os.pathsep.join([str(ROOT), str(ROOT / "infra"), str(ROOT / "lambda_src")])
    said = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    owners = importlib.metadata.packages_distributions()
    imported = {module.partition(".")[0] for module in said.stdout.split()}
    needed = {_canonical(owners[name][0]) for name in imported & owners.keys()}
    text = (ROOT / f"requirements/{lock}.txt").read_text()
    locked = {_canonical(name) for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}
    assert {"boto3", "typer", "pyjwt"} <= needed
    # botocore takes certifi where it is, httpx click; setuptools imports itself at each start.
    # coverage, where it is measured, starts in every process.
    assert needed - {"certifi", "click", "coverage", "setuptools"} <= locked


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_sizes_that_are_told_are_about_those_of_what_is_there() -> None:
    told = {
        folder: int(size)
        for size, folder in re.findall(
            r'SET_UP\) "[^"]+" (\d+) \$\((MINISTACK|VENV)\)', (ROOT / "Makefile").read_text()
        )
    }
    for name, folder in (("VENV", ".venv"), ("MINISTACK", ".local/ministack")):
        files = (path for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts)
        size = sum(p.stat().st_size for p in files if p.is_file() and not p.is_symlink()) / 1e6
        assert 0.75 * size < told[name] < 1.25 * size, (folder, size)


def _set_up(command: str, folder: Path, megabytes: int = 1) -> tuple[int, str]:
    out = io.StringIO()
    return set_up.set_up("packages", megabytes, folder, command, out), out.getvalue()


def test_a_set_up_tells_what_and_how_large_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    status, said = _set_up(
        f"mkdir {folder} && head -c 2000000 /dev/zero > {folder}/file && echo noise", folder
    )
    assert status == 0
    first, last = said.splitlines()
    assert first == f"Setting up: packages in {folder}, about 1 MB"
    assert re.fullmatch(rf"Set up in \d+ s: 2 MB in {folder}", last)


@pytest.mark.parametrize(
    "said",
    [
        # pip, uv and npm without a network
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('x')'",
        "  Caused by: dns error: failed to lookup address information: Name or service not known",
        "npm error request to https://registry.npmjs.org/x failed, reason: ENOTFOUND",
    ],
)
def test_without_a_network_it_is_one_sentence(said: str, tmp_path: Path) -> None:
    status, told = _set_up(f'echo one; echo "{said}"; echo two; exit 3', tmp_path)
    assert status == 3
    (sentence,) = told.splitlines()[1:]
    assert "HTTPS_PROXY" in sentence
    assert "PIP_INDEX_URL" in sentence
    assert sentence.endswith(f"First of all: {said.strip()}")


def test_a_full_disk_is_told_with_the_folder_and_the_need(tmp_path: Path) -> None:
    status, told = _set_up("echo 'OSError: [Errno 28] No space left on device'; exit 1", tmp_path)
    assert status == 1
    assert f"the disk is full. Needed is packages in {tmp_path}, about 1 MB; " in told


def test_too_small_a_disk_is_told_before_anything_is_done(tmp_path: Path) -> None:
    status, told = _set_up(f"touch {tmp_path}/done", tmp_path, 10**9)
    assert status == 1
    assert f"packages in {tmp_path}, about 1000000000 MB, and only " in told
    assert list(tmp_path.iterdir()) == []


def test_what_else_went_wrong_is_shown_as_it_was_said(tmp_path: Path) -> None:
    status, told = _set_up("echo 'hashes do not match'; exit 1", tmp_path)
    assert status == 1
    assert "hashes do not match\n" in told
