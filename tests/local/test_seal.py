"""Whoever may write the JWKS parameter of a deployed stack, and what they get for it."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from local.stack import LocalStack
from tests.local.operators import Command
from tests.patience import PATIENT, SOON
from token_service.keys.seal import detached

PARAMETER = "/powersync-auth-local-jwks"
ROTATE = "powersync-auth-local-rotate"
JWKS = "powersync-auth-local-jwks"
ATTACKERS_KEY = {"kty": "OKP", "crv": "Ed25519", "x": "x", "kid": "attacker", "alg": "EdDSA"}
SHORT_TIMES = {"verifierCacheSeconds": 3}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack whose JWKS function serves what it has for six seconds."""
    file = tmp_path_factory.mktemp("stack") / "outputs.json"
    with LocalStack(SHORT_TIMES) as deployed, pytest.MonkeyPatch.context() as patch:
        file.write_text(json.dumps(deployed.outputs))
        patch.setenv("LOCAL_OUTPUTS", str(file))
        yield deployed


def _ask(stack: LocalStack) -> httpx.Response:
    return httpx.get(stack.outputs["jwks_uri"], timeout=PATIENT)


def _kids(stack: LocalStack) -> set[str]:
    response = _ask(stack)
    response.raise_for_status()
    return _kids_of(response)


def _kids_of(response: httpx.Response) -> set[str]:
    return {key["kid"] for key in response.json()["keys"]}


def _stored(stack: LocalStack) -> str:
    return str(stack.aws.client("ssm").get_parameter(Name=PARAMETER)["Parameter"]["Value"])


def _put(stack: LocalStack, text: str) -> None:
    stack.aws.client("ssm").put_parameter(Name=PARAMETER, Value=text, Type="String", Overwrite=True)


def _invoke(stack: LocalStack, action: str) -> dict[str, Any]:
    answer = stack.aws.client("lambda").invoke(
        FunctionName=ROTATE, Payload=json.dumps({"action": action})
    )
    told: dict[str, Any] = json.loads(answer["Payload"].read())
    return told


def _start_cold(stack: LocalStack) -> None:
    client = stack.aws.client("lambda")
    variables = client.get_function_configuration(FunctionName=JWKS)["Environment"]["Variables"]
    client.update_function_configuration(
        FunctionName=JWKS, Environment={"Variables": {**variables, "ATTEMPT": str(time.time())}}
    )


def _appended(stored: str) -> str:
    document = json.loads(stored)
    document["keys"].append({**ATTACKERS_KEY, "published_at": 1.0})
    return json.dumps(document, separators=(",", ":"))


ATTACKS: dict[str, Callable[[str, str], str]] = {
    "appended key": lambda now, _old: _appended(now),
    "replaced set": lambda _now, _old: json.dumps({"keys": [ATTACKERS_KEY]}),
    "old document": lambda _now, old: old,
    "truncated document": lambda now, _old: now[:-40],
    "seal taken off": lambda now, _old: detached(now)[0],
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_stranger_who_writes_the_parameter_is_never_served(
    stack: LocalStack, command: Command, attack: str
) -> None:
    """Neither by a warm function nor by a cold one; it is told, and it is mended."""
    old = _stored(stack)
    time.sleep(3.1)  # so long a key has been published when it may be revoked without waiting
    kid = json.loads(command("keys", "--json").output)["keys"][0]["kid"]
    assert command("revoke", "--kid", kid, "--yes").status == 0
    forged = ATTACKS[attack](_stored(stack), old)
    asked_at = time.monotonic()
    ours = _kids(stack)
    _put(stack, forged)
    response = _ask(stack)
    is_early = time.monotonic() < asked_at + 3  # What was at hand before is at most 3 s old.
    assert response.status_code == 200 or not is_early, "what is at hand serves for its time"
    while response.status_code == 200:
        assert _kids_of(response) == ours
        assert time.monotonic() < asked_at + SOON, "and no longer"
        time.sleep(0.2)
        response = _ask(stack)
    assert response.status_code == 503
    _start_cold(stack)
    cold = _ask(stack)
    assert (cold.status_code, cold.json()["error"]) == (503, "temporarily_unavailable")
    shown = command("keys")
    assert "the JWKS is not served" in shown.output
    assert ("attacker" in shown.output) == (attack in ("appended key", "replaced set"))
    watched = _invoke(stack, "watch")
    assert "the JWKS is not served" in watched["errorMessage"]
    assert _invoke(stack, "watch") == {}
    give_up_at = time.monotonic() + PATIENT
    while (response := _ask(stack)).status_code == 503 and time.monotonic() < give_up_at:
        time.sleep(0.2)
    assert _kids_of(response) == ours


def test_an_old_document_in_a_parameter_made_anew_is_not_served(stack: LocalStack) -> None:
    """Where versions begin at 1 again, a warm function knows that it has seen a later one."""
    old, version = _stored(stack), _version(stack)
    time.sleep(0.1)
    _put(stack, "{}")
    assert "the JWKS is not served" in _invoke(stack, "watch")["errorMessage"]
    ours = _kids(stack)
    stack.aws.client("ssm").delete_parameter(Name=PARAMETER)
    for _ in range(version):
        _put(stack, old)
    assert _version(stack) == version
    give_up_at = time.monotonic() + SOON
    while (response := _ask(stack)).status_code == 200:
        assert _kids_of(response) == ours
        assert time.monotonic() < give_up_at, "what is at hand serves for its time, and no longer"
        time.sleep(0.2)
    assert response.status_code == 503
    assert _ask(stack).status_code == 503
    _invoke(stack, "publish")


def _version(stack: LocalStack) -> int:
    return int(stack.aws.client("ssm").get_parameter(Name=PARAMETER)["Parameter"]["Version"])


def test_the_key_that_seals_serves_nobody_else(stack: LocalStack) -> None:
    """Its policy is enforced here, the encryption context included."""
    client = stack.aws.client("lambda")
    environment = client.get_function_configuration(FunctionName=JWKS)["Environment"]["Variables"]
    key = environment["SEAL_KEY_ARN"]
    may = {
        (function, action, pair): _may(stack, function, action, key, pair)
        for function in ("rotate", "jwks", "auth")
        for action in ("encrypt", "decrypt")
        for pair in ("JwksParameter", "SecretARN")
    }
    assert {tried for tried, allowed in may.items() if allowed} == {
        ("rotate", "encrypt", "JwksParameter"),
        ("rotate", "decrypt", "JwksParameter"),
        ("jwks", "decrypt", "JwksParameter"),
    }


def _may(stack: LocalStack, function: str, action: str, key: str, pair: str) -> bool:
    """Whether the function's role may use the key so."""
    iam, sts = stack.aws.client("iam"), stack.aws.client("sts")
    (role,) = [
        role
        for role in iam.list_roles()["Roles"]
        if role["RoleName"].endswith(f"-{function}") and "powersync" in role["RoleName"]
    ]
    session = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
    kms = boto3.client(
        "kms",
        endpoint_url=stack.aws.endpoint,
        region_name=stack.aws.region,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    context = {pair: PARAMETER}
    root = stack.aws.client("kms")
    sealed = root.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)["CiphertextBlob"]
    try:
        if action == "encrypt":
            kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)
        else:
            kms.decrypt(KeyId=key, CiphertextBlob=sealed, EncryptionContext=context)
    except kms.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return False
    return True


def test_a_stack_of_the_release_without_seals_is_taken_over_without_an_outage(
    tmp_path: Path,
) -> None:
    memory = tmp_path / "memory.json"
    with LocalStack(memory=memory) as former:
        kids = _kids(former)
        _put(former, detached(_stored(former))[0])  # what the former release has left
    with LocalStack(memory=memory) as today:
        assert _kids(today) == kids
        assert detached(_stored(today))[1] is not None
        assert _invoke(today, "watch") == {}


def test_what_was_sealed_yesterday_is_served_today(tmp_path: Path) -> None:
    memory = tmp_path / "memory.json"
    with LocalStack(memory=memory) as yesterday:
        stored = _stored(yesterday)
    with LocalStack(memory=memory) as today:
        assert _stored(today) == stored
        assert _kids(today)
