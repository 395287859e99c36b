"""`make setup`: what it makes again, and what it leaves as it is. make only says so here (`-n`)."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements/uv.txt", "requirements/dev.txt", "requirements/ministack.txt")
VENV, PACKAGES, MINISTACK = "a virtual environment", "Python packages", "MiniStack"


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

    def would_be_made(self) -> list[str]:
        """What `make setup` would tell that it sets up."""
        environment = {name: os.environ[name] for name in ("PATH", "HOME")}
        said = subprocess.run(
            ["make", "-n", "setup"],
            cwd=self._folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return re.findall(rf'"Setting up: ({VENV}|{PACKAGES}|{MINISTACK})', said.stdout)


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
