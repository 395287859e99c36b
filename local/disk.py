"""Whether there is room for what the local stack writes while it runs."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEGABYTE = 1_000_000
NEEDED = 100 * MEGABYTE
"""Bytes: the functions' code once (35 MB), their zip for each worker (9 MB), logs."""

FULL = MEGABYTE
"""Bytes; where there are fewer, what has failed has failed because of it."""


class DiskFullError(Exception):
    """There is no room; the message says where, and how much is needed."""


def refuse_full_disk(
    *folders: Path, needed: int = NEEDED, usage: Callable[[Path], Any] = shutil.disk_usage
) -> None:
    """Raises `DiskFullError` where a folder, or the one that it will be in, has too little room."""
    for folder in folders:
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        free = usage(existing).free
        if free < needed:
            raise DiskFullError(
                f"the disk is too full: {free // MEGABYTE} MB are free in {folder}, and the local"
                f" stack needs about {NEEDED // MEGABYTE} MB there. Make room; TMPDIR names"
                " another place for temporary files"
            )
