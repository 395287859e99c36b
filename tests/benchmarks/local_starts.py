"""How long `make local` takes until the JWKS answers: the first start, and those that remember.

    PYTHONPATH=. python -m tests.benchmarks.local_starts [--starts 6]

Real time, from the command to the first answer with 200; asked 20 times a second, as a script that
waits for it would.
"""

import argparse
import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
PORT = 4790
ASKED_EVERY = 0.05
PATIENCE = 300.0
"""Seconds after which a start has failed."""


def seconds_until_the_jwks_answers(memory: Path) -> float:
    """Starts the stack with what a file remembers, and ends it again; `RuntimeError` if it ends."""
    began = time.monotonic()
    environment = os.environ | {
        "LOCAL_MEMORY": str(memory),
        "LOCAL_OUTPUTS": str(memory.with_name("outputs.json")),
        "LOCAL_PORT": str(PORT),
    }
    command = ["make", "local"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    ) as started:
        try:
            while not _answers():
                if started.poll() is not None or time.monotonic() - began > PATIENCE:
                    raise RuntimeError("`make local` does not come up; run it to see why")
                time.sleep(ASKED_EVERY)
            return time.monotonic() - began
        finally:
            os.killpg(started.pid, signal.SIGTERM)


def _answers() -> bool:
    url = f"http://127.0.0.1:{PORT}/.well-known/jwks.json"
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=6)
    starts = parser.parse_args().starts
    with tempfile.TemporaryDirectory() as folder:
        memory = Path(folder) / "memory.json"
        first, *further = [seconds_until_the_jwks_answers(memory) for _ in range(starts)]
    print(f"first start: {first:.2f} s")
    print(f"{len(further)} further ones: {min(further):.2f} to {max(further):.2f} s,", end=" ")
    print(f"median {median(further):.2f} s")


if __name__ == "__main__":
    main()
