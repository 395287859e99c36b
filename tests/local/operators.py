"""Running the operators' commands, and what they are checked with."""

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    status: int
    output: str
    errors: str


Command = Callable[..., Ran]
"""Runs `python -m operate` with arguments."""


def fetch_token(token_url: str) -> str:
    """A token for an anonymous user."""
    request = urllib.request.Request(token_url, method="POST")
    with urllib.request.urlopen(request, timeout=20) as response:
        return str(json.load(response)["token"])


def pulumi_says(outputs: object, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no Pulumi CLI here; it would print this."""
    (folder / "outputs.json").write_text(json.dumps(outputs))
    script = folder / "pulumi"
    script.write_text(f"#!/bin/sh\nexec cat '{folder}/outputs.json'\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
