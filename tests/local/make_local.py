"""`make local` as a process of its own, for what its user sees of it."""

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.patience import PATIENT

ROOT = Path(__file__).resolve().parents[2]


class MakeLocal:
    """`make local`, running with a temporary folder and an outputs file of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self.outputs_file = folder / "outputs.json"
        self.port = _free_port()
        self._output = folder / "output.txt"
        environment = {
            "LOCAL_MEMORY": str(folder / "memory.json"),
            "LOCAL_OUTPUTS": str(self.outputs_file),
            "LOCAL_PORT": str(self.port),
            "PYTHONPATH": f"infra{os.pathsep}lambda_src",
            "TMPDIR": str(self.temporary),
            **environment,
        }
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-m", "operate.page"],
                cwd=ROOT,
                env=os.environ | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    def outputs(self) -> dict[str, Any]:
        """Waits until the stack is up; returns its outputs."""
        self.wait_until(lambda: "Ctrl-C" in self.output)
        document: dict[str, Any] = json.loads(self.outputs_file.read_text())
        return document

    def wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENT
        while not condition():
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.02)

    def stop(self, signal_number: int) -> int:
        self.process.send_signal(signal_number)
        return self.process.wait(PATIENT)

    def descendants(self) -> set[int]:
        """All processes below this one."""
        listed = subprocess.run(
            ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
        )
        rows = (line.split() for line in listed.stdout.splitlines())
        parents = {int(pid): int(parent) for pid, parent in rows}
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found - {self.process.pid}

    def assert_nothing_is_left(self, descendants: set[int]) -> None:
        """Gives killed processes a moment to be gone; nothing may be there afterwards."""
        deadline = time.monotonic() + PATIENT
        while (_alive(descendants) or any(self.temporary.iterdir())) and (
            time.monotonic() < deadline
        ):
            time.sleep(0.05)
        assert not _alive(descendants)
        assert list(self.temporary.iterdir()) == []
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", self.port)) != 0


def _free_port() -> int:
    """Below those that the system gives to connections, so that none takes it meanwhile."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _alive(pids: set[int]) -> set[int]:
    listed = subprocess.run(["ps", "-eo", "pid=,stat="], capture_output=True, text=True, check=True)
    rows = (line.split() for line in listed.stdout.splitlines())
    return pids & {int(pid) for pid, state in rows if not state.startswith("Z")}


def remembered(outputs: dict[str, Any]) -> tuple[object, ...]:
    """What a stack has again when it comes back: its keys, its user pool and its user."""
    kids = {key["kid"] for key in get_json(outputs["jwks_uri"])["keys"]}
    local = outputs["local"]
    return kids, local["user_pool_id"], local["client_id"], local["password"]


def get_json(url: str) -> Any:
    """What a URL answers."""
    with urllib.request.urlopen(url, timeout=PATIENT) as answer:
        return json.load(answer)
