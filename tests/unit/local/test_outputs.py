"""Where the local stack's outputs are written: found out before anything is deployed."""

import json
import os
import stat
from pathlib import Path

import pytest

from local.outputs import OutputsFileError, OutputsFiles

OUTPUTS = {"jwks_uri": "http://127.0.0.1:4566/jwks.json"}


def test_the_outputs_are_there_while_it_serves_for_the_owner_only(tmp_path: Path) -> None:
    files = OutputsFiles(tmp_path / ".local", 4700)
    with files.written(OUTPUTS):
        for file in (tmp_path / ".local/outputs.json", tmp_path / ".local/4700/outputs.json"):
            assert json.loads(file.read_text()) == OUTPUTS
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list((tmp_path / ".local").iterdir()) == []


def test_a_file_of_ones_own_is_made_with_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "new" / "2026" / "mine.json"
    files = OutputsFiles(tmp_path / ".local", 4700, str(file))
    assert not file.parent.exists()
    with files.written(OUTPUTS):
        assert json.loads(file.read_text()) == OUTPUTS
    assert list(file.parent.iterdir()) == []
    assert not (tmp_path / ".local").exists()


def test_the_outputs_of_a_stack_that_was_killed_are_replaced(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text("{}")
    with OutputsFiles(tmp_path, 4700, str(file)).written(OUTPUTS):
        assert json.loads(file.read_text()) == OUTPUTS


def test_a_folder_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(OutputsFileError, match=f"LOCAL_OUTPUTS={tmp_path}/outputs.json"):
        OutputsFiles(tmp_path / ".local", 4700, str(tmp_path))


def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path) -> None:
    """Such as /dev/null, which root could replace."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputsFileError, match=f"{pipe}: it is there, and is not a file"):
        OutputsFiles(tmp_path / ".local", 4700, str(pipe))


def test_a_file_for_which_there_can_be_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputsFileError, match=f"{tmp_path}/file is not a folder"):
        OutputsFiles(tmp_path / ".local", 4700, str(tmp_path / "file/new/outputs.json"))


def test_what_is_found_out_only_when_it_is_written_is_told_as_well(tmp_path: Path) -> None:
    name = "x" * 300  # longer than a name may be
    with (
        pytest.raises(OutputsFileError, match=f"written to {tmp_path}/{name}: "),
        OutputsFiles(tmp_path / ".local", 4700, str(tmp_path / name)).written(OUTPUTS),
    ):
        pass


def test_a_folder_that_may_not_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(OutputsFileError, match=f"{tmp_path} may not be written to"):
        OutputsFiles(tmp_path / ".local", 4700, str(tmp_path / "outputs.json"))
