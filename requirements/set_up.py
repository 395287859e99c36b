"""Runs an installation and says what it is, how large, how far, and in one sentence why it failed.

A program of its own, `python set_up.py WHAT MEGABYTES FOLDER COMMAND`, for the Makefile: with the
standard library only, since nothing is installed yet.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

POLL_SECONDS = 0.5

MEGABYTE = 1_000_000

_NO_NETWORK = re.compile(
    "NewConnectionError|ConnectTimeoutError|ProxyError|Name or service not known|dns error"
    "|name resolution|Network is unreachable|Connection refused|tcp connect error"
    "|error sending request|operation timed out|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT",
    re.IGNORECASE,
)
"""What pip, uv and npm say when they reach no registry."""

_DISK_FULL = re.compile("No space left on device|ENOSPC|Disk quota exceeded", re.IGNORECASE)


def set_up(what: str, megabytes: int, folder: Path, command: str, out: IO[str]) -> int:
    """Runs a shell command that fills a folder; returns the exit status.

    Args:
        what: What is set up, for people.
        megabytes: How large it will be, about.
        folder: Where; its size shows how far it is.
        command: What to run; what it says is shown only if it fails.
        out: Where to say so.
    """
    about = f"{what} in {folder}, about {megabytes} MB"
    free = shutil.disk_usage(_existing(folder)).free // MEGABYTE
    present = _megabytes(folder)
    if free + present < megabytes:
        out.write(f"Not set up: {about}, and only {free} MB are free there\n")
        return 1
    out.write(f"Setting up: {about}\n")
    out.flush()
    began = time.monotonic()
    status, said = _run(command, lambda: _show_progress(folder, megabytes, began, out))
    if status == 0:
        seconds = time.monotonic() - began
        out.write(f"Set up in {seconds:.0f} s: {_megabytes(folder)} MB in {folder}\n")
        return 0
    out.write(_why(said, about, folder))
    return status


def _run(command: str, meanwhile: Callable[[], None]) -> tuple[int, str]:
    with subprocess.Popen(  # noqa: S602 - a line of our Makefile
        command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        while True:
            try:
                said, _ = process.communicate(timeout=POLL_SECONDS)
            except subprocess.TimeoutExpired:
                meanwhile()
            else:
                return process.returncode, said


def _show_progress(folder: Path, megabytes: int, began: float, out: IO[str]) -> None:
    if out.isatty():
        seconds = time.monotonic() - began
        out.write(f"\r  {seconds:.0f} s, {_megabytes(folder)} of {megabytes} MB \r")
        out.flush()


def _why(said: str, about: str, folder: Path) -> str:
    """The sentence for what is known to go wrong, and all that was said for what is not."""
    if _DISK_FULL.search(said):
        free = shutil.disk_usage(_existing(folder)).free // MEGABYTE
        return f"Not set up: the disk is full. Needed is {about}; {free} MB are free there\n"
    lines = [line.strip() for line in said.splitlines() if _NO_NETWORK.search(line)]
    if lines:
        return (
            f"Not set up: {about}. The package registry cannot be reached: behind a proxy, set"
            " HTTPS_PROXY; with a mirror, PIP_INDEX_URL and UV_DEFAULT_INDEX (Python) or"
            f" npm_config_registry (JavaScript). First of all: {lines[0][:300]}\n"
        )
    return f"{said}\nNot set up: {about}; see above\n"


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _megabytes(folder: Path) -> int:
    """What the files below a folder hold; some may be gone while it is counted."""
    size = 0
    for path in folder.rglob("*"):
        try:
            size += 0 if path.is_symlink() or path.is_dir() else path.stat().st_size
        except FileNotFoundError:
            continue
    return size // MEGABYTE


def main() -> int:
    """Runs it with the arguments of the command line."""
    what, megabytes, folder, command = sys.argv[1:]
    return set_up(what, int(megabytes), Path(folder), command, sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
