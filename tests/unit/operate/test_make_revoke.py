"""`make revoke` and what may have been meant by its variables."""

import os
import subprocess
from pathlib import Path

import pytest

from operate import stacks


def _make_revoke(*variables: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "revoke", *variables],
        cwd=stacks.ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_revoking_one_key_and_all_at_once_is_a_mistake() -> None:
    """`make revoke KID=... ALL=1` must not take the more destructive one of the two."""
    refused = _make_revoke("KID=another", "ALL=1")
    assert refused.returncode != 0
    assert "name one key with --kid, or all of them with --all" in refused.stderr


@pytest.mark.parametrize("kid", [[], ["KID=another"]])
@pytest.mark.parametrize("value", ["0", "no", "false", "11", "1 0"])
def test_nothing_but_all_1_revokes_every_key(kid: list[str], value: str, tmp_path: Path) -> None:
    """Beside a KID it is not guessed either what was meant."""
    nowhere = str(tmp_path / "outputs.json")
    refused = _make_revoke(*kid, f"ALL={value}", LOCAL_OUTPUTS=nowhere)
    assert f"ALL={value}? Only ALL=1 revokes every key" in refused.stderr
    assert "Not done" not in refused.stderr  # the command itself was not run


def test_an_empty_all_revokes_nothing(tmp_path: Path) -> None:
    refused = _make_revoke("ALL=", LOCAL_OUTPUTS=str(tmp_path / "outputs.json"))
    assert "Which key? make revoke KID=..., or ALL=1" in refused.stderr
    assert "Not done" not in refused.stderr
