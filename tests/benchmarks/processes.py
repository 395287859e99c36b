"""Measured processes: warm containers that answer batches of events, and cold starts."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.benchmarks.contestants import HERE, Contestant, deno, original_environment


class Process:
    """A child process that answers a JSON line with a JSON line."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        # What a handler logs must not fill a pipe that nobody reads.
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in __exit__
        self._process = subprocess.Popen(
            command,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def ask(self, request: Mapping[str, object]) -> dict[str, Any]:
        """Send a request; raises `RuntimeError` with the process's own words if it ends."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith('{"cpu"'):  # other lines are a handler's log
                answer: dict[str, Any] = json.loads(line)
                return answer
        self._log.seek(0)
        raise RuntimeError(f"{self._process.args!r} ended: {self._log.read()[-3000:]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._log.close()


class Container(Process):
    """A warm container of a Python contestant; `cold` is what its start took and answered."""

    def __init__(self, contestant: Contestant, *, shift_clocks: bool = False) -> None:
        command = [sys.executable, "-s", "-P", "-S", "-B", str(HERE / "worker.py")]
        env = {**contestant.env, "PYTHONHASHSEED": "0"}
        super().__init__(command, env, Path(contestant.path[0]))
        self.cold = self.ask(
            {
                "path": list(contestant.path),
                "handler": contestant.handler,
                "event": contestant.event,
                "shift_clocks": shift_clocks,
            }
        )
        # What `rotate` answers is no HTTP response: where it fails, the process ends.
        if self.cold["answer"].get("statusCode", 200) != 200:
            raise RuntimeError(f"{contestant.handler} answered {self.cold['answer']}")

    def batch(
        self,
        count: int,
        events: Sequence[Mapping[str, object]] | None = None,
        *,
        advance: float = 0.0,
        status: int = 200,
        slices: int = 1,
    ) -> dict[str, Any]:
        """Answer `count` events.

        `slices` of the answer has seconds of CPU, real seconds, and the count of each.
        """
        more = {} if events is None else {"events": events}
        answer = self.ask({"count": count, "advance": advance, "slices": slices, **more})
        if answer["statuses"] != [status]:
            raise RuntimeError(f"expected answers with {status}, got {answer['statuses']}")
        return answer


class OriginalFunction(Process):
    """The Deno function, warm."""

    def __init__(self, alg: str) -> None:
        command = [str(deno()), "run", "--no-remote", "--allow-env", "--quiet"]
        command.append("original/worker.ts")
        super().__init__(command, original_environment(alg), HERE)

    def batch(self, count: int) -> dict[str, Any]:
        answer = self.ask({"count": count})
        if answer["statuses"] != [200]:
            raise RuntimeError(f"the original's way answered {answer['statuses']}")
        return answer


def cold_start(contestant: Contestant) -> dict[str, Any]:
    """Start a process, have one event answered, end it; `cpu` is in seconds."""
    with Container(contestant) as container:
        return container.cold


def import_cost(statements: str, env: Mapping[str, str], after: str = "pass") -> float:
    """Seconds of CPU that a fresh interpreter of this environment takes for some statements.

    What it has done before, `after` which they come, is not counted.
    """
    code = f"{after}; import time; began = time.process_time(); {statements}"
    code += "; print(time.process_time() - began)"
    finished = subprocess.run(
        [sys.executable, "-s", "-P", "-c", code],
        env=dict(env),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(finished.stdout)
