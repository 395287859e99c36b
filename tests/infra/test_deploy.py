"""`make deploy`: what it asks of the Pulumi CLI, for which a script that tells stands in."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENT

ROOT = Path(__file__).resolve().parents[2]


def script(file: Path, *lines: str) -> Path:
    file.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    file.chmod(0o755)
    return file


class Cli:
    """A CLI that notes what it is asked for, and with which Python."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._notes = folder / "notes"
        self.venv = folder / "pulumi-venv"
        script(
            folder / "pulumi",
            f'echo "$* with $PULUMI_PYTHON_CMD" >> {self._notes}',
            f'[ "$1" != install ] || {{ mkdir -p {self.venv}/bin && : > {self.venv}/bin/python; }}',
        )

    def make(self, *arguments: str, terminal: bool = False) -> subprocess.CompletedProcess[str]:
        """Runs make with it; `terminal` for what only somebody at a terminal gets."""
        inner, outer = pty.openpty()
        try:
            return subprocess.run(
                ["make", *arguments, f"PULUMI_VENV={self.venv}"],
                cwd=ROOT,
                env={**os.environ, "PATH": f"{self._folder}{os.pathsep}{os.environ['PATH']}"},
                stdin=outer if terminal else subprocess.DEVNULL,
                stdout=outer if terminal else subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                timeout=PATIENT,
                check=False,
            )
        finally:
            os.close(inner)
            os.close(outer)

    def asked(self) -> list[str]:
        """What it was asked for since the last time."""
        notes = self._notes.read_text().splitlines() if self._notes.exists() else []
        self._notes.unlink(missing_ok=True)
        return notes


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


def test_pulumi_makes_its_virtual_environment_with_the_python_that_is_named(cli: Cli) -> None:
    deployed = cli.make("deploy", "STACK=dev", "YES=1", f"PYTHON={sys.executable}")
    assert deployed.returncode == 0, deployed.stderr
    assert cli.asked()[0] == f"install with {sys.executable}"


@pytest.mark.parametrize(("terminal", "yes"), [(True, ""), (True, "1"), (False, "1")])
def test_it_previews_once_and_asks_unless_told_not_to(cli: Cli, terminal: bool, yes: str) -> None:
    """`pulumi up` begins with a preview."""
    deployed = cli.make("deploy", "STACK=dev", f"YES={yes}", terminal=terminal)
    assert deployed.returncode == 0, deployed.stderr
    asked = [line.partition(" with ")[0] for line in cli.asked()]
    assert asked == ["install", "up --stack dev --yes" if yes else "up --stack dev"]


def test_without_a_terminal_nothing_is_done_unless_it_need_not_ask(cli: Cli) -> None:
    refused = cli.make("deploy", "STACK=dev")
    assert refused.returncode != 0
    assert "no terminal here" in refused.stderr
    assert "make deploy STACK=dev YES=1" in refused.stderr
    assert cli.asked() == []
    assert not cli.venv.exists()


def test_it_installs_only_when_a_lock_has_changed_or_the_environment_is_gone(cli: Cli) -> None:
    def deploy() -> list[str]:
        deployed = cli.make("deploy", "STACK=dev", "YES=1")
        assert deployed.returncode == 0, deployed.stderr
        return [line.split()[0] for line in cli.asked()]

    assert deploy() == ["install", "up"]
    assert deploy() == ["up"]
    stamp = cli.venv / ".packages"
    os.utime(stamp, (0, 0))  # older than the locks
    assert deploy() == ["install", "up"]
    (cli.venv / "bin/python").unlink()
    assert deploy() == ["install", "up"]
    assert deploy() == ["up"]


def test_a_failing_installation_is_tried_again(cli: Cli) -> None:
    script(cli.venv.parent / "pulumi", "exit 1")
    for _ in range(2):
        assert cli.make("deploy", "STACK=dev", "YES=1").returncode != 0
        assert not (cli.venv / ".packages").exists()


def test_a_stack_has_to_be_named(cli: Cli) -> None:
    refused = cli.make("deploy", "YES=1")
    assert refused.returncode != 0
    assert "Which stack?" in refused.stderr
    assert cli.asked() == []


@pytest.mark.parametrize("what", ["deploy", "the virtual environment"])
def test_an_old_python_is_refused_before_anything_is_made_with_it(
    what: str, cli: Cli, tmp_path: Path
) -> None:
    old = script(
        tmp_path / "python3.9", '[ "$1" = --version ] || exit 1', "echo Python 3.9.2", "exit 0"
    )
    venv = tmp_path / "venv"
    goal = (
        ["deploy", "STACK=dev", "YES=1"]
        if what == "deploy"
        else [f"{venv}/.created", f"VENV={venv}"]
    )
    refused = cli.make(*goal, f"PYTHON={old}")
    assert refused.returncode != 0
    assert f"Python 3.11 or newer is needed, and {old} is not: Python 3.9.2." in refused.stderr
    assert "PYTHON=python3.13" in refused.stderr
    assert cli.asked() == []
    assert not venv.exists()
