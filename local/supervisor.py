"""Runs MiniStack in a private folder, and cleans up after it however its parent ends.

Executed as a program of its own, `python supervisor.py COMMAND...`, with the standard library
only. The parent holds the other end of standard input: when that closes, be it that the parent
asks for the end or was killed, the command and all its Lambda workers are ended and the folder
removed. The command holds the other end of a pipe of ours in the same way, and gets the socket
that LISTENER names. Nothing needs to be remembered, so nothing is left behind by a `kill -9` of
either.

Standard error says why the command has ended, if nobody asked it to, and closes with it.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

LOG_LINES = 20
ENDS_WITHIN_SECONDS = 5.0


def main() -> int:
    """Runs the command until it ends or the parent does; returns its exit status."""
    folder = Path(tempfile.mkdtemp(prefix="powersync-auth-local-"))
    listener = int(os.environ["LISTENER"])
    log = folder / "ministack.log"
    with log.open("wb") as output:
        command = subprocess.Popen(  # noqa: S603 - the parent's own command
            sys.argv[1:],
            env=os.environ | _private(folder),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[listener],
            start_new_session=True,
        )
    os.close(listener)

    asked_to_end = threading.Event()

    def end(*_: object) -> None:
        asked_to_end.set()
        with contextlib.suppress(ProcessLookupError):
            command.terminate()

    def end_with_parent() -> None:
        os.read(sys.stdin.fileno(), 1)
        end()
        try:
            command.wait(ENDS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            command.kill()

    for signal_number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signal_number, end)
    threading.Thread(target=end_with_parent, daemon=True).start()
    status = command.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(command.pid, signal.SIGKILL)  # Workers outlive a MiniStack that crashes.
    if not asked_to_end.is_set():
        lines = log.read_text("utf-8", "replace").splitlines()[-LOG_LINES:]
        os.write(sys.stderr.fileno(), "\n".join([_reason(status), *lines]).encode())
    os.close(sys.stderr.fileno())
    _remove(folder)
    return status


def _reason(status: int) -> str:
    if status == -signal.SIGKILL:
        return "it was killed (signal 9), as systems do where memory runs out"
    if status < 0:
        return f"it was ended by signal {-status}"
    return f"it ended with status {status}"


def _private(folder: Path) -> dict[str, str]:
    """Keeps MiniStack to its own folder, and away from a Docker daemon, where it would reap."""
    return {
        "TMPDIR": str(folder),
        "HOME": str(folder),
        "S3_DATA_DIR": str(folder / "s3"),
        "STATE_DIR": str(folder / "state"),
        "DOCKER_HOST": f"unix://{folder}/there-is-no-docker.sock",
    }


def _remove(folder: Path) -> None:
    """Removes the folder, also while the last killed worker is still letting go of it."""
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        threading.Event().wait(0.02)


if __name__ == "__main__":
    sys.exit(main())
