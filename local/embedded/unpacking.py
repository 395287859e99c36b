"""Unpacks a function's zip once, where MiniStack would for each worker.

The local stack's functions share one zip of some 500 files. To unpack it is most of what a worker
takes to start, and of the disk that it takes; so it is unpacked into a folder that outlives the
stack, and a worker gets links to what is there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

UNUSED_FOR_SECONDS = 3 * 86_400
_WHERE_WORKERS_HAVE_IT = "code"


def unpack_once(lambda_runtime: Any, folder: Path) -> None:
    """Has MiniStack's module for Lambda workers unpack into a folder, and link to it."""
    folder.mkdir(parents=True, exist_ok=True)
    _forget_unused(folder)
    lock = threading.Lock()

    class LinkedZipFile(zipfile.ZipFile):
        """A zip, of which workers get links to what it contains."""

        def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
            if Path(path).name != _WHERE_WORKERS_HAVE_IT or self.filename is None:
                super().extractall(path, members, pwd)
                return
            digest = hashlib.sha256(Path(self.filename).read_bytes()).hexdigest()[:32]
            unpacked = folder / digest
            with lock:
                if not unpacked.exists():
                    unfinished = tempfile.mkdtemp(prefix="unfinished-", dir=folder)
                    super().extractall(unfinished)
                    try:
                        Path(unfinished).rename(unpacked)
                    except OSError:  # Another stack was quicker.
                        shutil.rmtree(unfinished)
                os.utime(unpacked)
            for content in unpacked.iterdir():
                (Path(path) / content.name).symlink_to(content)

    lambda_runtime.zipfile = SimpleNamespace(**{**vars(zipfile), "ZipFile": LinkedZipFile})


def _forget_unused(folder: Path) -> None:
    for unpacked in folder.iterdir():
        if unpacked.stat().st_mtime < time.time() - UNUSED_FOR_SECONDS:
            shutil.rmtree(unpacked)
