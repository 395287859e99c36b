"""`make local` as its user sees it: it starts, says what to do, ends, and leaves nothing behind."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.local.make_local import MakeLocal, get_json, remembered
from tests.local.operators import run_printed
from tests.patience import PATIENT

KILLS = 5


def _child(pid: int, command: str) -> int:
    """The process that a process has started with a command, as soon as it has."""
    deadline = time.monotonic() + PATIENT
    while True:
        listed = subprocess.run(
            ["pgrep", "-P", str(pid), "-f", command], capture_output=True, text=True, check=False
        )
        if listed.stdout:
            (child,) = listed.stdout.split()
            return int(child)
        assert time.monotonic() < deadline, f"{pid} has not started {command}"
        time.sleep(0.02)


def _supervisor_and_ministack(local: MakeLocal) -> tuple[int, int]:
    supervisor = _child(local.process.pid, "supervisor.py")
    return supervisor, _child(supervisor, "embedded")


def test_what_it_prints_works_and_a_termination_leaves_nothing_behind(
    make_local: Callable[..., MakeLocal],
) -> None:
    local = make_local()
    outputs = local.outputs()
    jwks, anonymous, signed_in = run_printed(local.output)
    assert len(jwks["keys"]) >= 2
    assert anonymous["token"]
    assert signed_in["token"]
    assert signed_in["userId"] != anonymous["userId"]
    assert outputs["local"].keys() == {
        *("endpoint", "region", "access_key_id", "secret_access_key", "config_file"),
        *("user_pool_id", "client_id", "username", "password"),
    }
    assert local.outputs_file.stat().st_mode & 0o077 == 0

    descendants = local.descendants()
    assert len(descendants) >= 4  # supervisor, MiniStack, and the workers of the calls above
    assert local.stop(signal.SIGTERM) == 0
    local.assert_nothing_is_left(descendants)
    assert not local.outputs_file.exists()


def test_after_a_kill_nothing_is_left_and_it_starts_again(
    make_local: Callable[..., MakeLocal],
) -> None:
    killed = make_local()
    killed.outputs()
    descendants = killed.descendants()
    killed.stop(signal.SIGKILL)
    killed.assert_nothing_is_left(descendants)
    again = make_local(LOCAL_PORT=str(killed.port))
    assert get_json(again.outputs()["jwks_uri"])["keys"]
    assert again.stop(signal.SIGINT) == 0


@pytest.mark.parametrize(
    ("moment", "seconds_later"),
    [("Starting MiniStack", 0), ("Deploying", 0), ("Deploying", 0.5), ("Deploying", 1.0)],
)
def test_a_termination_during_the_deployment_leaves_nothing_behind(
    make_local: Callable[..., MakeLocal], moment: str, seconds_later: float
) -> None:
    local = make_local()
    local.wait_until(lambda: moment in local.output)
    time.sleep(seconds_later)
    descendants = local.descendants()
    assert local.stop(signal.SIGTERM) == 0, local.output
    local.assert_nothing_is_left(descendants)
    assert local.output.endswith("Stopped; nothing is left behind.\n")
    assert "Traceback" not in local.output


def test_ctrl_c_at_the_very_moment_when_it_is_up_ends_it_as_ever(
    make_local: Callable[..., MakeLocal],
) -> None:
    local = make_local()
    while "Ctrl-C" not in local.output:  # asked more often than `outputs` does
        assert local.process.poll() is None, local.output
    assert local.stop(signal.SIGINT) == 0, local.output
    assert local.output.endswith("Stopped; nothing is left behind.\n")


def test_ctrl_c_while_it_is_being_imported_ends_it_quietly(
    make_local: Callable[..., MakeLocal], tmp_path: Path
) -> None:
    (tmp_path / "pulumi.py").write_text("import time\nprint('importing')\ntime.sleep(300)\n")
    local = make_local(PYTHONPATH=f"{tmp_path}{os.pathsep}infra")
    local.wait_until(lambda: "importing" in local.output)
    assert local.stop(signal.SIGINT) == -signal.SIGINT
    assert local.output == "importing\n"


def test_two_stacks_work_side_by_side(make_local: Callable[..., MakeLocal]) -> None:
    first, second = make_local(), make_local()
    one, other = first.outputs(), second.outputs()
    assert one["jwks_uri"] != other["jwks_uri"]
    kids = [{key["kid"] for key in get_json(o["jwks_uri"])["keys"]} for o in (one, other)]
    assert kids[0].isdisjoint(kids[1])
    first.stop(signal.SIGTERM)
    assert get_json(other["jwks_uri"])["keys"]


@pytest.mark.parametrize("victim", ["MiniStack", "supervisor"])
def test_the_end_of_the_embedded_aws_is_noticed_and_told_with_the_reason(
    victim: str, make_local: Callable[..., MakeLocal]
) -> None:
    local = make_local()
    local.outputs()
    descendants = local.descendants()
    supervisor, ministack = _supervisor_and_ministack(local)
    os.kill(ministack if victim == "MiniStack" else supervisor, signal.SIGKILL)
    assert local.process.wait(PATIENT) == 1
    reason = "it was killed (signal 9)" if victim == "MiniStack" else "looks after it was killed"
    assert "Error: MiniStack has ended by itself: " in local.output
    assert reason in local.output
    assert "Traceback" not in local.output
    assert not local.outputs_file.exists()
    if victim == "MiniStack":
        local.assert_nothing_is_left(descendants)


def test_the_end_of_the_embedded_aws_during_the_deployment_is_the_reason_that_is_told(
    make_local: Callable[..., MakeLocal],
) -> None:
    local = make_local()
    local.wait_until(lambda: "Deploying" in local.output)
    _, ministack = _supervisor_and_ministack(local)
    time.sleep(1)
    os.kill(ministack, signal.SIGKILL)
    assert local.process.wait(PATIENT) == 1
    assert "it was killed (signal 9)" in local.output
    assert "Traceback" not in local.output


def test_the_end_of_the_provider_during_the_deployment_is_told(
    make_local: Callable[..., MakeLocal],
) -> None:
    local = make_local()
    local.wait_until(lambda: "Deploying" in local.output)
    descendants = local.descendants()
    os.kill(_child(local.process.pid, "provider_process"), signal.SIGKILL)
    assert local.process.wait(PATIENT) == 1
    assert "the process that makes resources in the embedded AWS has ended" in local.output
    assert "Traceback" not in local.output
    local.assert_nothing_is_left(descendants)


def test_killed_whenever_it_starts_again_with_what_it_had(
    make_local: Callable[..., MakeLocal], tmp_path: Path
) -> None:
    memory = str(tmp_path / "memory.json")
    first = make_local(LOCAL_MEMORY=memory)
    again = {"LOCAL_MEMORY": memory, "LOCAL_PORT": str(first.port)}
    had = remembered(first.outputs())
    first.stop(signal.SIGKILL)
    moments = random.Random(4566)
    for _ in range(KILLS):
        killed = make_local(**again)
        time.sleep(moments.uniform(0.1, 4))
        descendants = killed.descendants()
        killed.stop(signal.SIGKILL)
        killed.assert_nothing_is_left(descendants)
    last = make_local(**again)
    assert remembered(last.outputs()) == had
    assert "could not be read" not in last.output
