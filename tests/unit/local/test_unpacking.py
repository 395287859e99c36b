"""A function's zip is unpacked once, and its workers share what is there."""

import os
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local.embedded.unpacking import UNUSED_FOR_SECONDS, unpack_once


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    file = tmp_path / "code.zip"
    with zipfile.ZipFile(file, "w") as written:
        written.writestr("handler.py", "x = 1")
        written.writestr("package/__init__.py", "")
    return file


@pytest.fixture
def runtime(tmp_path: Path) -> Any:
    module = SimpleNamespace(zipfile=zipfile)
    unpack_once(module, tmp_path / "unpacked")
    return module


def unpack(runtime: Any, archive: Path, to: Path) -> Path:
    to.mkdir(parents=True)
    with runtime.zipfile.ZipFile(archive) as file:
        file.extractall(to)
    return to


def test_workers_share_what_is_unpacked(runtime: Any, archive: Path, tmp_path: Path) -> None:
    first = unpack(runtime, archive, tmp_path / "first" / "code")
    second = unpack(runtime, archive, tmp_path / "second" / "code")
    for code in (first, second):
        assert (code / "handler.py").read_text() == "x = 1"
        assert (code / "package" / "__init__.py").exists()
    assert (first / "handler.py").samefile(second / "handler.py")
    assert len(list((tmp_path / "unpacked").iterdir())) == 1
    # A worker that ends removes its own folder.
    shutil.rmtree(first)
    assert (second / "handler.py").read_text() == "x = 1"


def test_another_zip_is_other_code(runtime: Any, archive: Path, tmp_path: Path) -> None:
    unpack(runtime, archive, tmp_path / "first" / "code")
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("handler.py", "x = 2")
    second = unpack(runtime, archive, tmp_path / "second" / "code")
    assert (second / "handler.py").read_text() == "x = 2"


def test_other_zips_are_unpacked_as_ever(runtime: Any, archive: Path, tmp_path: Path) -> None:
    layer = unpack(runtime, archive, tmp_path / "layer_0")
    assert not (layer / "handler.py").is_symlink()
    assert list((tmp_path / "unpacked").iterdir()) == []


def test_what_no_stack_has_used_for_days_is_removed(
    runtime: Any, archive: Path, tmp_path: Path
) -> None:
    code = unpack(runtime, archive, tmp_path / "first" / "code")
    unpacked = (code / "handler.py").resolve().parent
    unpack_once(runtime, tmp_path / "unpacked")
    assert unpacked.exists()
    long_ago = unpacked.stat().st_mtime - UNUSED_FOR_SECONDS - 1
    os.utime(unpacked, (long_ago, long_ago))
    unpack_once(runtime, tmp_path / "unpacked")
    assert not unpacked.exists()
