"""A local stack on a disk that is too small says so, and not what fails because of it."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from local.disk import DiskFullError
from local.stack import LocalStack


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Path]]:
    """Makes a disk of so many MB, and has temporary files be there."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def make(size: int) -> Path:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("no small disk can be made here: it takes root, and the right to mount")
        monkeypatch.setenv("TMPDIR", str(folder))
        monkeypatch.setattr("tempfile.tempdir", None)
        return folder

    yield make
    if folder.is_mount():
        subprocess.run(["umount", str(folder)], check=True)


def test_too_small_a_disk_is_told_before_anything_is_started(disk: Callable[[int], Path]) -> None:
    folder = disk(20)
    with pytest.raises(DiskFullError, match=rf"MB are free in {re.escape(str(folder))}"):
        LocalStack()
    assert list(folder.iterdir()) == []


def test_a_disk_that_fills_up_during_the_deployment_is_the_reason_that_is_told(
    disk: Callable[[int], Path],
) -> None:
    folder = disk(120)

    def fill(progress: str) -> None:
        if progress.startswith("Deployed aws:lambda/function:Function"):
            with suppress(OSError), (folder / "filler").open("wb") as file:
                while True:
                    file.write(b"x" * 1_000_000)

    with pytest.raises(DiskFullError, match=rf"0 MB are free in {re.escape(str(folder))}"):
        LocalStack(progress=fill)
