"""Running the operators' commands, and what they are checked with."""

import json
import subprocess
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.stack import LocalStack
from tests.patience import PATIENT

ROOT_KEY = {"AccessKeyId": "test", "SecretAccessKey": "test"}


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
    with urllib.request.urlopen(request, timeout=PATIENT) as response:
        return str(json.load(response)["token"])


def run_printed(text: str) -> list[Any]:
    """Runs the commands that `make local` prints; returns what each of them answers."""
    indented = "\n".join(line for line in text.splitlines() if line.startswith("  "))
    commands = indented[indented.index("  curl") :].replace("curl -s", "curl -s -w '\\n'")
    finished = subprocess.run(
        ["bash", "-eu", "-c", commands], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in finished.stdout.splitlines()]


def pulumi_says(outputs: object, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no Pulumi CLI here; it would print this."""
    (folder / "outputs.json").write_text(json.dumps(outputs))
    script = folder / "pulumi"
    script.write_text(f"#!/bin/sh\nexec cat '{folder}/outputs.json'\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def in_aws(
    stack: LocalStack,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: Mapping[str, str] = ROOT_KEY,
) -> None:
    """For the commands, the stack is one called dev in AWS, and `key` is what they sign with."""
    pulumi_says(stack.outputs, folder, monkeypatch)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.aws.endpoint)
