"""`make deploy`: which Python the Pulumi CLI gets. A script that tells stands in for the CLI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def script(file: Path, *lines: str) -> Path:
    file.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    file.chmod(0o755)
    return file


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH with a CLI that tells what it is asked for, and with which Python."""
    script(tmp_path / "pulumi", 'echo "pulumi $* with $PULUMI_PYTHON_CMD"')
    return f"{tmp_path}{os.pathsep}{os.environ['PATH']}"


def make(path: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_pulumi_makes_its_virtual_environment_with_the_python_that_is_named(path: str) -> None:
    deployed = make(path, "deploy", "STACK=dev", f"PYTHON={sys.executable}")
    assert deployed.returncode == 0, deployed.stderr
    told = [line for line in deployed.stdout.splitlines() if " with " in line]
    assert told == [
        f"pulumi install with {sys.executable}",
        f"pulumi preview --stack dev with {sys.executable}",
        f"pulumi up --stack dev with {sys.executable}",
    ]


@pytest.mark.parametrize("what", ["deploy", "the virtual environment"])
def test_an_old_python_is_refused_before_anything_is_made_with_it(
    what: str, path: str, tmp_path: Path
) -> None:
    old = script(
        tmp_path / "python3.9", '[ "$1" = --version ] || exit 1', "echo Python 3.9.2", "exit 0"
    )
    venv = tmp_path / "venv"
    goal = ["deploy", "STACK=dev"] if what == "deploy" else [f"{venv}/.created", f"VENV={venv}"]
    refused = make(path, *goal, f"PYTHON={old}")
    assert refused.returncode != 0
    assert f"Python 3.11 or newer is needed, and {old} is not: Python 3.9.2." in refused.stderr
    assert "PYTHON=python3.13" in refused.stderr
    assert "with" not in refused.stdout
    assert not venv.exists()
