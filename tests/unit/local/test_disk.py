"""Too small a disk is told by its name, before it looks like another failure."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from local.disk import MEGABYTE, NEEDED, DiskFullError, refuse_full_disk


def test_too_little_room_names_the_folder_and_the_need(tmp_path: Path) -> None:
    def usage(path: Path) -> object:
        assert path == tmp_path  # the nearest that is there
        return SimpleNamespace(free=3 * MEGABYTE)

    folder = tmp_path / "not" / "yet"
    with pytest.raises(DiskFullError) as caught:
        refuse_full_disk(folder, usage=usage)
    assert f"3 MB are free in {folder}" in str(caught.value)
    assert f"about {NEEDED // MEGABYTE} MB" in str(caught.value)


def test_enough_room_is_enough(tmp_path: Path) -> None:
    refuse_full_disk(tmp_path, usage=lambda _: SimpleNamespace(free=NEEDED))
