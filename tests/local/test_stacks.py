"""Which stack the operators' commands speak to, and what of the user's AWS configuration counts."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.aws import Aws
from local.stack import LocalStack
from operate import stacks
from tests.local.operators import Command, in_aws, pulumi_says


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where local stacks leave their outputs; nothing else says which one is meant."""
    monkeypatch.setattr(stacks, "LOCAL", tmp_path)
    monkeypatch.delenv("LOCAL_OUTPUTS", raising=False)
    monkeypatch.delenv("LOCAL_PORT", raising=False)
    return tmp_path


def leave(file: Path, outputs: Mapping[str, Any]) -> None:
    """What `make local` does while it serves, and a killed one has done."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(outputs))


def killed(stack: LocalStack) -> dict[str, Any]:
    """Outputs of a stack that does not run any more."""
    local = {**stack.outputs["local"], "endpoint": "http://127.0.0.1:1"}
    return {**stack.outputs, "local": local, "rotate_function_name": "of-another-stack"}


def test_of_several_stacks_it_is_the_one_started_last(
    stack: LocalStack, command: Command, folder: Path
) -> None:
    leave(folder / "outputs.json", stack.outputs)
    leave(folder / "4566/outputs.json", killed(stack))
    shown = command("keys")
    assert shown.status == 0, shown.errors


@pytest.mark.parametrize("how", ["ended", "was killed"])
def test_if_the_one_started_last_is_gone_it_is_the_one_that_is_left(
    how: str, stack: LocalStack, command: Command, folder: Path
) -> None:
    leave(folder / "4566/outputs.json", stack.outputs)
    if how == "was killed":
        leave(folder / "outputs.json", killed(stack))
        leave(folder / "4700/outputs.json", killed(stack))
    shown = command("keys")
    assert shown.status == 0, shown.errors


def test_if_several_are_left_the_error_names_their_ports(
    stack: LocalStack, command: Command, folder: Path
) -> None:
    leave(folder / "4566/outputs.json", stack.outputs)
    leave(folder / "4700/outputs.json", stack.outputs)
    leave(folder / "4800/outputs.json", killed(stack))
    refused = command("keys")
    assert refused.status == 1
    assert "say which one: LOCAL_PORT=4566 or LOCAL_PORT=4700\n" in refused.errors


def test_what_killed_stacks_have_left_is_no_running_stack(
    stack: LocalStack, command: Command, folder: Path
) -> None:
    leave(folder / "outputs.json", killed(stack))
    leave(folder / "4566/outputs.json", killed(stack))
    refused = command("keys")
    assert refused.status == 1
    assert "the local stack is not running: start it with `make local`" in refused.errors


@pytest.mark.parametrize("content", [None, b"\xff", b"{", b"[]", b"{}"])
def test_a_file_that_holds_no_outputs_is_named(
    content: bytes | None, command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "mine.json"
    file.mkdir() if content is None else file.write_bytes(content)
    monkeypatch.setenv("LOCAL_OUTPUTS", str(file))
    refused = command("keys")
    assert refused.status == 1
    assert f"{file} does not hold the outputs of a local stack" in refused.errors


@pytest.fixture
def unusable_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An AWS configuration with mistakes, and a proxy that is not there."""
    mistaken = tmp_path / "config"
    mistaken.write_text("[profile")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(mistaken))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(mistaken))
    monkeypatch.setenv("AWS_PROFILE", "typo")
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")


@pytest.mark.usefixtures("unusable_configuration")
def test_a_local_stack_needs_nothing_of_the_users_configuration(
    stack: LocalStack, command: Command, folder: Path
) -> None:
    leave(folder / "outputs.json", stack.outputs)
    shown = command("keys")
    assert shown.status == 0, shown.errors


@pytest.mark.usefixtures("unusable_configuration")
def test_neither_does_deploying_one(stack: LocalStack) -> None:
    sts = Aws(stack.aws.endpoint, stack.aws.region).client("sts")
    assert sts.get_caller_identity()["Account"] == stack.aws.account_id


def test_a_profile_that_is_not_there_is_an_error(
    stack: LocalStack, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulumi_says(stack.outputs, tmp_path, monkeypatch)
    monkeypatch.setenv("AWS_PROFILE", "typo")
    refused = command("keys", "--stack", "dev")
    assert refused.status == 1
    assert "The config profile (typo) could not be found" in refused.errors
    assert "AWS_PROFILE" in refused.errors


@pytest.mark.usefixtures("unusable_configuration")
def test_a_configuration_that_cannot_be_read_is_an_error(
    stack: LocalStack, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulumi_says(stack.outputs, tmp_path, monkeypatch)
    refused = command("keys", "--stack", "dev")
    assert refused.status == 1
    assert "Unable to parse config file" in refused.errors


def test_a_deployed_stack_is_found_by_its_pulumi_outputs(
    stack: LocalStack, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_aws(stack, tmp_path, monkeypatch)
    shown = command("keys", "--stack", "dev")
    assert shown.status == 0, shown.errors
    assert "current" in shown.output


def test_a_stack_that_pulumi_does_not_know_is_an_error(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "pulumi"
    script.write_text("#!/bin/sh\necho 'error: no stack named dev found' >&2\nexit 255\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    refused = command("keys", "--stack", "dev")
    assert refused.status == 1
    assert "no stack named dev found" in refused.errors


def test_without_the_pulumi_cli_the_error_says_where_to_get_it(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    refused = command("keys", "--stack", "dev")
    assert refused.status == 1
    assert "https://www.pulumi.com/docs/install/" in refused.errors


def test_without_a_local_stack_the_error_says_how_to_start_one(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LOCAL_OUTPUTS", str(tmp_path / "outputs.json"))
    refused = command("keys")
    assert refused.status == 1
    assert "make local" in refused.errors


def test_of_two_local_stacks_the_port_tells_which_one_is_meant(
    stack: LocalStack, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "4700").mkdir()
    (tmp_path / "4700/outputs.json").write_text(json.dumps(stack.outputs))
    monkeypatch.setenv("LOCAL_PORT", "4700")
    assert command("keys").status == 0
    monkeypatch.setenv("LOCAL_PORT", "4701")
    refused = command("keys")
    assert refused.status == 1
    assert "no local stack is running on port 4701; there is LOCAL_PORT=4700" in refused.errors


def test_a_local_stack_that_has_ended_is_an_error(
    stack: LocalStack, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ended = {**stack.outputs, "local": {**stack.outputs["local"], "endpoint": "http://127.0.0.1:1"}}
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps(ended))
    monkeypatch.setenv("LOCAL_OUTPUTS", str(file))
    refused = command("keys")
    assert refused.status == 1
    assert "is `make local` running?" in refused.errors
