"""The deployed local stack, started once for all tests that only look at it."""

import sys
from collections.abc import Iterator

import pytest

from local.stack import LocalStack
from operate.__main__ import main
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
