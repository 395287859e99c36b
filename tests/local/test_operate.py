"""The operators' commands, on a stack with PowerSync's own times."""

import base64
import io
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import LocalStack
from operate import stacks
from operate.errors import OperatorError
from operate.key_ring import KeyRing, Status
from tests.local.operators import Command, fetch_token, in_aws
from tests.patience import PATIENT


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack whose keys may be revoked."""
    file = tmp_path_factory.mktemp("stack") / "outputs.json"
    with LocalStack() as deployed, pytest.MonkeyPatch.context() as patch:
        file.write_text(json.dumps(deployed.outputs))
        patch.setenv("LOCAL_OUTPUTS", str(file))
        yield deployed


def _published(stack: LocalStack) -> set[str]:
    with urllib.request.urlopen(stack.outputs["jwks_uri"], timeout=PATIENT) as response:
        return {key["kid"] for key in json.load(response)["keys"]}


def _kid_of_a_new_token(stack: LocalStack) -> str:
    header = fetch_token(stack.outputs["anonymous_token_url"]).partition(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(header + "=="))["kid"])


def test_make_keys_shows_current_and_next(stack: LocalStack, command: Command) -> None:
    shown = command("keys")
    assert shown.status == 0, shown.errors
    rows = [line.split() for line in shown.output.splitlines()]
    states = {row[1]: row[0] for row in rows if row and row[0] in ("current", "next")}
    assert sorted(states.values()) == ["current", "next"]
    assert set(states) == _published(stack)
    assert "The next rotation may come at" in shown.output
    assert max(map(len, shown.output.splitlines())) <= 80


def test_the_keys_as_json_are_what_the_function_tells(stack: LocalStack, command: Command) -> None:
    shown = command("keys", "--json")
    assert shown.status == 0, shown.errors
    told = json.loads(shown.output)
    assert {key["kid"] for key in told["keys"]} == _published(stack)
    assert told["rotation_possible_at"] > told["now"] > 1_700_000_000


def test_make_rotate_within_the_waiting_time_is_refused_with_a_time(
    stack: LocalStack, command: Command
) -> None:
    published = _published(stack)
    refused = command("rotate")
    assert refused.status == 1
    assert "The rotation may come at 2" in refused.errors
    assert "in 1 h " in refused.errors
    assert _published(stack) == published


def test_make_revoke_takes_the_key_out_at_once_and_new_tokens_carry_another(
    stack: LocalStack, command: Command
) -> None:
    """Although both functions have the key in memory, for minutes."""
    kid = _kid_of_a_new_token(stack)
    assert kid in _published(stack)
    revoked = command("revoke", "--kid", kid[:8])
    assert revoked.status == 0, revoked.errors
    assert kid not in _published(stack)
    assert _kid_of_a_new_token(stack) != kid
    for said in (
        f"Revoked {kid}",
        "an instance in use    until 2",
        ", plus the gap between two requests",
        "an idle instance      until 2",
    ):
        assert said in revoked.output


def test_make_revoke_works_without_the_parameter_and_brings_it_back(
    stack: LocalStack, command: Command
) -> None:
    deployed = stacks.local_stack()
    ssm = deployed.client("ssm")
    parameter = {"ResourceType": "Parameter", "ResourceId": deployed.jwks_parameter}

    def tags() -> dict[str, str]:
        found = ssm.list_tags_for_resource(**parameter)["TagList"]
        return {tag["Key"]: tag["Value"] for tag in found}

    before = tags()
    assert before
    kid = _kid_of_a_new_token(stack)
    ssm.delete_parameter(Name=deployed.jwks_parameter)
    shown = command("keys")
    assert shown.status == 0, shown.errors
    assert "Problem: the JWKS is not served: the JWKS parameter was deleted" in shown.output
    revoked = command("revoke", "--kid", kid)
    assert revoked.status == 0, revoked.errors
    assert f"Revoked {kid}" in revoked.output
    assert "Problem" not in revoked.output
    assert _kid_of_a_new_token(stack) in _published(stack)
    assert tags() == before


def test_make_keys_names_a_key_that_is_nobodys(stack: LocalStack, command: Command) -> None:
    deployed = stacks.local_stack()
    ssm = deployed.client("ssm")
    value = ssm.get_parameter(Name=deployed.jwks_parameter)["Parameter"]["Value"]
    document = json.loads(value)
    document["keys"].append({**document["keys"][0], "kid": "foreign"})
    ssm.put_parameter(Name=deployed.jwks_parameter, Value=json.dumps(document), Overwrite=True)
    shown = command("keys")
    assert "Problem: the key foreign is published and no key of the ring" in shown.output
    told = json.loads(command("keys", "--json").output)
    assert [each["problem"] for each in told["problems"]] == [
        "the JWKS is not served",
        "published and no key of the ring",
    ]
    assert told["problems"][1]["kid"] == "foreign"
    retired = KeyRing(deployed)._invoke({"action": "retire"})
    assert "foreign" not in retired["kids"]
    assert "foreign" not in ssm.get_parameter(Name=deployed.jwks_parameter)["Parameter"]["Value"]
    assert "Problem" not in command("keys").output


def test_make_revoke_of_all_replaces_every_key(stack: LocalStack, command: Command) -> None:
    before = _published(stack)
    revoked = command("revoke", "--all")
    assert revoked.status == 0, revoked.errors
    assert not before & _published(stack)
    assert _kid_of_a_new_token(stack) in _published(stack)


def test_make_bootstrap_starts_a_new_ring_where_the_one_in_use_is_lost(
    stack: LocalStack, command: Command
) -> None:
    before = _published(stack)
    made = command("bootstrap")
    assert made.status == 0, made.errors
    assert _published(stack) == before
    refused = command("bootstrap", "--new-ring", "--yes")
    assert refused.status == 1
    assert "make revoke ALL=1" in refused.errors
    deployed = stacks.local_stack()
    secrets = deployed.client("secretsmanager")
    secrets.put_secret_value(SecretId=deployed.secret_arn, SecretString="lost")
    shown = command("keys")
    assert shown.status == 1
    assert "when the ring is lost" in shown.errors
    asked = command("bootstrap", "--new-ring")
    assert asked.status == 1
    for said in ("Tokens that are about become invalid", "YES=1 does it without asking"):
        assert said in asked.errors
    made = command("bootstrap", "--new-ring", "--yes")
    assert made.status == 0, made.errors
    assert not before & _published(stack)
    assert _kid_of_a_new_token(stack) in _published(stack)
    assert "Problem" not in command("keys").output


def test_a_deleted_secret_is_restored_with_its_ring(stack: LocalStack, command: Command) -> None:
    """By the command of docs/rotation.md."""
    deployed = stacks.local_stack()
    secrets = deployed.client("secretsmanager")
    before = _published(stack)
    secrets.delete_secret(SecretId=deployed.secret_arn, RecoveryWindowInDays=30)
    shown = command("keys")
    assert shown.status == 1
    assert "deletion" in shown.errors
    secrets.restore_secret(SecretId=deployed.secret_arn)
    assert command("keys").status == 0
    assert _kid_of_a_new_token(stack) in before


def test_a_revocation_as_json_tells_until_when_and_what_was_restarted(
    stack: LocalStack, command: Command
) -> None:
    kid = _kid_of_a_new_token(stack)
    revoked = command("revoke", "--kid", kid, "--json")
    assert revoked.status == 0, revoked.errors
    told = json.loads(revoked.output)
    assert told["revoked"] == [kid]
    assert told["refused_by_all_verifiers_at"] > told["refused_by_busy_verifiers_at"] > told["now"]
    assert "powersync-auth-local-jwks" in told["restarted"]
    assert told["not_restarted"] == {}
    assert {key["kid"] for key in told["status"]["keys"]} == _published(stack)


class Terminal(io.StringIO):
    """Somebody at a terminal, who has typed this."""

    def isatty(self) -> bool:
        return True


def test_an_unknown_key_is_not_revoked_and_nothing_is_asked(
    stack: LocalStack, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    refused = command("revoke", "--kid", "nope")
    assert refused.status == 1
    assert "no key begins with nope; there are" in refused.errors
    assert all(kid in refused.errors for kid in _published(stack))
    assert "Revoke" not in refused.errors


def test_a_beginning_that_several_keys_have_revokes_none() -> None:
    keys = [{"kid": "ab1", "state": "current"}, {"kid": "ab2", "state": "next"}]
    status = Status(0, keys, 0, None, {"revoked": {"ac1": 5}})
    with pytest.raises(OperatorError, match="several keys begin with ab; say which one: ab1 or ab"):
        status.find("ab")
    assert status.find("ab1") == "ab1"
    assert status.find("ac") == "ac1"


def test_a_whole_kid_is_passed_on_since_it_may_be_of_a_retired_key() -> None:
    kid = "k" * 43
    assert Status(0, [], 0, None).find(kid) == kid


@pytest.mark.parametrize(("typed", "yes"), [("n\n", []), ("", ["--yes"])])
def test_somebody_at_a_terminal_is_asked_unless_told_otherwise(
    typed: str,
    yes: list[str],
    stack: LocalStack,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kid = _kid_of_a_new_token(stack)
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    ran = command("revoke", "--kid", kid, *yes)
    if yes:
        assert (ran.status, kid in _published(stack)) == (0, False)
    else:
        assert (ran.status, kid in _published(stack)) == (1, True)
        assert "Nothing was changed" in ran.errors


def test_a_full_kid_that_is_not_there_is_refused_by_the_function(
    stack: LocalStack, command: Command
) -> None:
    refused = command("revoke", "--kid", "k" * 43)
    assert refused.status == 1
    assert f"has no key {'k' * 43}; it has" in refused.errors


def test_revoking_nothing_in_particular_is_a_mistake(command: Command) -> None:
    refused = command("revoke")
    assert (refused.status, refused.output) == (1, "")
    assert "--kid" in refused.errors


def test_a_missing_permission_is_named(
    stack: LocalStack, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    iam = stack.aws.client("iam")
    iam.create_user(UserName="newcomer")
    key = iam.create_access_key(UserName="newcomer")["AccessKey"]
    in_aws(stack, tmp_path, monkeypatch, key)
    refused = command("keys", "--stack", "dev")
    assert refused.status == 1
    assert "you lack the permission lambda:InvokeFunction" in refused.errors


def test_a_function_that_may_not_be_restarted_does_not_keep_the_others_from_it(
    stack: LocalStack, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In an emergency, each that forgets the key counts."""
    iam = stack.aws.client("iam")
    iam.create_user(UserName="on-call")
    update = "lambda:UpdateFunctionConfiguration"
    auth = stack.aws.arn("lambda", "function:powersync-auth-local-auth")
    statements = [
        {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"},
        {"Effect": "Deny", "Action": update, "Resource": auth},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="on-call", PolicyName="most", PolicyDocument=policy)
    key = iam.create_access_key(UserName="on-call")["AccessKey"]
    in_aws(stack, tmp_path, monkeypatch, key)
    revoked = command("revoke", "--all", "--stack", "dev")
    assert revoked.status == 0, revoked.errors
    assert "Restarted powersync-auth-local-auth-anonymous, powersync-auth-local-jwks." in (
        revoked.output
    )
    (left,) = revoked.errors.splitlines()
    assert left.startswith(
        f"Not restarted: powersync-auth-local-auth: you lack the permission {update}"
    )
