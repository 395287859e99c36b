"""The deployed local stack, started once for all tests that only look at it."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.stack import LocalStack
from operate.__main__ import main
from tests.local.make_local import MakeLocal
from tests.local.operators import Command, Ran


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    with LocalStack() as deployed:
        yield deployed


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs an operators' command in this process, with nobody at a terminal."""

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["operate", *arguments])
        capsys.readouterr()
        status = main()
        return Ran(status, *capsys.readouterr())

    return run


@pytest.fixture
def make_local(tmp_path: Path) -> Iterator[Callable[..., MakeLocal]]:
    """Starts `make local`, as often as a test likes."""
    started: list[MakeLocal] = []

    def start(**environment: str) -> MakeLocal:
        started.append(MakeLocal(tmp_path / str(len(started)), **environment))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()
