"""The command: what it prints, and how it exits."""

import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local.configuration import stack_configuration
from operate.__main__ import main
from operate.doctor import command, instance_checks
from operate.doctor.examination import examine
from operate.doctor.site import Site
from operate.stacks import deployed_stack
from tests.doctor.faults import FAULTS
from tests.doctor.world import ORIGIN, World
from tests.local.operators import Ran, in_aws
from tests.patience import PATIENT

Doctor = Callable[..., Ran]


@pytest.fixture
def doctor(
    world: World,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Doctor:
    """Runs the command in this process, `given` on standard input, and as slowly as it is."""
    monkeypatch.setattr(command, "time_left", lambda _: PATIENT)
    monkeypatch.setattr(command, "PATIENCE", PATIENT)

    def run_it(*arguments: str, given: str = "") -> Ran:
        file = tmp_path / "doctor.json"
        file.write_text(json.dumps(world.outputs))
        monkeypatch.setenv("LOCAL_OUTPUTS", str(file))
        monkeypatch.setattr(sys, "argv", ["operate", "doctor", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        capsys.readouterr()
        status = main()
        return Ran(status, *capsys.readouterr())

    return run_it


def test_a_fault_is_told_with_what_it_means_and_what_mends_it(world: World, doctor: Doctor) -> None:
    FAULTS["the JWKS is a page"].break_it(world)
    told = doctor()
    assert told.status == 1
    assert "✗  jwks.keys" in told.output
    assert "PSYNC_S2204: one bad key, or a document that is no JWKS" in told.output
    assert "→ see what answers at jwks_uri" in told.output
    assert "1 of " in told.output
    assert "checks is wrong." in told.output


def test_a_program_reads_the_checks_as_json(doctor: Doctor) -> None:
    told = doctor("--json")
    assert told.status == 0, told.output
    document = json.loads(told.output)
    assert document["ok"] is True
    for check in document["checks"]:
        assert check.keys() == {"id", "ok", "seen", "means", "do", "code"}
        assert check["ok"] is True


def test_a_token_from_standard_input_is_judged_and_never_printed(
    world: World, doctor: Doctor
) -> None:
    token = world.token()
    told = doctor("--token", "-", given=f"{token}\n")
    assert told.status == 0, told.output
    assert "token.verdict  accepted: for alice" in told.output
    assert told.errors == ""
    assert token.rpartition(".")[2] not in told.output + told.errors
    refused = doctor("--token", "-", "--json", given=token[:-8])
    assert refused.status == 1
    (check,) = json.loads(refused.output)["checks"]
    assert check["code"] == "PSYNC_S2101"
    assert [step["name"] for step in check["steps"] if step["ok"] is False] == ["signature"]


def test_a_token_on_the_command_line_is_in_the_shells_history(world: World, doctor: Doctor) -> None:
    told = doctor("--token", world.token())
    assert told.status == 0
    assert "TOKEN is in your shell's history now" in told.errors


def test_a_login_is_judged_step_by_step(world: World, doctor: Doctor) -> None:
    told = doctor("--login", "-", given=world.login_token(scope="openid"))
    assert told.status == 1
    assert "✓ signature: as it should be" in told.output
    assert "✗ scopes: " in told.output
    assert "- not reached: session, claims" in told.output


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--token", "-"], "nothing came on standard input for TOKEN=-"),
        (["--token", "a", "--login", "b"], "one at a time"),
    ],
)
def test_a_question_that_makes_no_sense_is_not_asked(
    arguments: list[str], reason: str, doctor: Doctor
) -> None:
    told = doctor(*arguments)
    assert (told.status, told.output) == (2, "")
    assert reason in told.errors


def test_without_a_stack_nothing_can_be_asked(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = doctor("--stack", "dev", "--json")
    assert told.status == 2
    assert json.loads(told.output)["ok"] is None
    assert "the Pulumi CLI is not installed" in told.errors


def test_a_deployed_stack_is_looked_at_alike(
    world: World, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of the embedded AWS, it lacks the schedule of Secrets Manager, which is a fault there."""
    in_aws(world.stack, tmp_path, monkeypatch)
    told = doctor("--stack", "dev", "--json")
    assert told.status == 1
    checks = {check["id"]: check for check in json.loads(told.output)["checks"]}
    wrong = [name for name, check in checks.items() if check["ok"] is False]
    assert wrong == ["rotation.due"]
    assert checks["rotation.due"]["seen"] == (
        "Secrets Manager has no rotation schedule for the key ring"
    )
    assert checks["rotation.due"]["do"] == "make the schedule again: pulumi up --stack dev"
    assert checks["token.user"]["ok"] is None
    assert "make doctor LOGIN=-" in checks["token.user"]["do"]
    assert checks["jwks.keys"]["ok"] is True


def test_the_configuration_of_a_deployed_stack_is_read_with_pulumi(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is that of a local stack, with providers on this machine, which AWS would not have."""
    in_aws(world.stack, tmp_path, monkeypatch)
    configured = stack_configuration(None, world.config_file)
    entries = {key: {"value": value, "secret": False} for key, value in configured.items()}
    (tmp_path / "config.json").write_text(json.dumps(entries))
    (tmp_path / "pulumi").write_text(
        '#!/bin/sh\nhere="${0%/*}"\n'
        'if [ "$1" = config ]; then cat "$here/config.json"; else cat "$here/outputs.json"; fi\n'
    )
    site = Site(deployed_stack("dev"), time.time, PATIENT)
    checks = {check.id: check for check in examine(site, PATIENT)}
    assert checks[f"cors.{ORIGIN}"].ok
    assert checks["alarms.email"].ok
    assert checks["stack.current"].ok is False
    assert "identityProviders[0].issuer: should be an https:// URL" in checks["stack.current"].seen


def test_powersync_need_not_be_there_yet_where_nobody_has_configured_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance_checks, "UNCONNECTED", "http://127.0.0.1:9")
    FAULTS["PowerSync is down"].break_it(world)
    checks = {check.id: check.ok for check in world.examine()}
    assert checks["powersync.reachable"] is checks["powersync.accepts"] is None
    assert False not in checks.values()
