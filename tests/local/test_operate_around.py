"""`make logs`, `make user`, `make token`: what a developer does beside the keys."""

import base64
import io
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from local.stack import LocalStack
from tests.js.verifier import PowerSyncInstance
from tests.local.operators import Command, in_aws
from tests.patience import PATIENT


@pytest.fixture(autouse=True)
def outputs(stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "local.json"
    file.write_text(json.dumps(stack.outputs))
    monkeypatch.setenv("LOCAL_OUTPUTS", str(file))
    return file


def _claims(token: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def _refused_login(stack: LocalStack) -> None:
    request = urllib.request.Request(
        stack.outputs["token_url"], headers={"Authorization": "Bearer not.a.token"}
    )
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=PATIENT)


def test_make_logs_shows_why_a_login_was_refused(stack: LocalStack, command: Command) -> None:
    _refused_login(stack)
    shown = command("logs", "--function", "auth")
    assert shown.status == 0, shown.errors
    assert "credential refused" in shown.output
    assert "RequestId" not in shown.output
    (line, *_) = json.loads(command("logs", "--json").output)
    assert line.keys() == {"time", "function", "level", "message"}


def test_make_logs_reads_a_deployed_stack_alike(
    stack: LocalStack, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _refused_login(stack)
    in_aws(stack, tmp_path, monkeypatch)
    shown = command("logs", "--stack", "dev")
    assert shown.status == 0, shown.errors
    assert "credential refused" in shown.output


def test_a_function_that_is_not_there_is_named_with_those_that_are(command: Command) -> None:
    refused = command("logs", "--function", "lambda")
    assert refused.status == 1
    assert "there are auth, auth-anonymous, jwks, rotate" in refused.errors


def test_make_user_makes_somebody_who_signs_in_and_gets_tokens(
    stack: LocalStack, command: Command
) -> None:
    made = command("user", "--email", "ann@example.com", "--json")
    assert made.status == 0, made.errors
    ann = json.loads(made.output)
    signed_in = stack.aws.client("cognito-idp").initiate_auth(
        ClientId=stack.outputs["local"]["client_id"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": ann["email"], "PASSWORD": ann["password"]},
    )
    credential = signed_in["AuthenticationResult"]["IdToken"]
    request = urllib.request.Request(
        stack.outputs["token_url"], headers={"Authorization": f"Bearer {credential}"}
    )
    with urllib.request.urlopen(request, timeout=PATIENT) as response:
        assert json.load(response)["userId"] == ann["sub"]
    again = command("user", "--email", "ann@example.com")
    assert again.status == 1
    assert "there is a user ann@example.com already" in again.errors


def test_a_password_comes_from_standard_input_and_is_not_printed(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Given-by-hand-1\n"))
    made = command("user", "--email", "bob@example.com", "--password", "-")
    assert made.status == 0, made.errors
    assert "(as given)" in made.output
    assert "Given-by-hand-1" not in made.output
    refused = command("user", "--email", "eve@example.com", "--password", "secret")
    assert refused.status == 1
    assert "PASSWORD=- reads it from standard input" in refused.errors


def test_make_token_is_for_anybody_and_powersync_takes_it(
    stack: LocalStack, command: Command
) -> None:
    made = command("token", "--sub", "user-1", "--role", "admin", "--claims", '{"org":"x"}')
    assert made.status == 0, made.errors
    token = made.output.strip()
    claims = _claims(token)
    assert (claims["sub"], claims["role"], claims["org"]) == ("user-1", "admin", "x")
    assert claims["iss"] == stack.outputs["issuer"]
    with PowerSyncInstance(stack.outputs["jwks_uri"], stack.outputs["audience"]) as powersync:
        verdict = powersync.verify(token)
    assert (verdict.ok, verdict.error, verdict.sub) == (True, None, "user-1")


def test_make_token_as_json_is_what_a_connector_returns(
    stack: LocalStack, command: Command
) -> None:
    answer = json.loads(command("token", "--sub", "user-1", "--json").output)
    assert answer["endpoint"] == stack.outputs["audience"][0]
    assert answer["expiresAt"] == _claims(answer["token"])["exp"]


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ("org=x", "CLAIMS should be a JSON object"),
        ("[1]", "CLAIMS should be a JSON object"),
        ('{"sub":"x","aud":"y"}', "CLAIMS cannot set aud, sub"),
    ],
)
def test_claims_that_cannot_be_are_refused(claims: str, told: str, command: Command) -> None:
    refused = command("token", "--sub", "user-1", "--claims", claims)
    assert refused.status == 1
    assert told in refused.errors


def test_there_is_no_token_as_anybody_of_a_stack_in_aws(command: Command) -> None:
    refused = command("token", "--sub", "user-1", "--stack", "dev")
    assert refused.status == 2
    assert "--stack" in refused.errors
