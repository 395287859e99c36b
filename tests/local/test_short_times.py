"""The recipe that `make local` prints: a whole rotation, with a token before and after it."""

import json
import time
from pathlib import Path

import pytest

from local.stack import LocalStack
from tests.js.verifier import PowerSyncInstance
from tests.local.operators import Command

ROOT = Path(__file__).resolve().parents[2]

TWO_MINUTES = 120


def test_a_whole_rotation_can_be_watched_within_two_minutes(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalStack(config_file=ROOT / "examples/short-times.yaml") as stack:
        file = tmp_path / "outputs.json"
        file.write_text(json.dumps(stack.outputs))
        monkeypatch.setenv("LOCAL_OUTPUTS", str(file))
        status = json.loads(command("keys", "--json").output)
        # By the function's clock, so that a slow machine makes it no longer.
        assert status["rotation_possible_at"] - status["keys"][0]["created_at"] <= TWO_MINUTES
        before = json.loads(command("token", "--sub", "user-1", "--json").output)
        time.sleep(max(0, status["rotation_possible_at"] - time.time() + 1))
        rotated = command("rotate")
        assert rotated.status == 0, rotated.errors
        after = json.loads(command("token", "--sub", "user-1", "--json").output)
        assert before["kid"] != after["kid"]
        with PowerSyncInstance(stack.outputs["jwks_uri"], stack.outputs["audience"]) as powersync:
            assert powersync.verify(before["token"]).ok
            assert powersync.verify(after["token"]).ok
