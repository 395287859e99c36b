"""What the deployed stack serves, judged as a PowerSync instance judges it (`jose` 4.15)."""

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local.stack import LocalStack
from tests.js.verifier import JS, NODE, PowerSyncInstance, require_node_modules
from tests.patience import PATIENT

SERVICE_CONFIG = """
replication:
  connections:
    - type: postgresql
      uri: postgresql://powersync:password@database:5432/app
storage:
  type: mongodb
  uri: mongodb://storage:27017
"""
"""The rest of a `service.yaml`, to which `powersync_client_auth` is pasted."""


@pytest.fixture(scope="module")
def powersync(stack: LocalStack) -> Iterator[PowerSyncInstance]:
    with PowerSyncInstance(stack.outputs["jwks_uri"], stack.outputs["audience"]) as instance:
        yield instance


def anonymous_token(stack: LocalStack) -> str:
    answer = httpx.get(stack.outputs["anonymous_token_url"], timeout=PATIENT)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


def sign_in(stack: LocalStack) -> str:
    local = stack.outputs["local"]
    result = stack.aws.client("cognito-idp").initiate_auth(
        ClientId=local["client_id"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": local["username"], "PASSWORD": local["password"]},
    )
    return str(result["AuthenticationResult"]["IdToken"])


def check_service_config(text: str) -> Any:
    require_node_modules()
    command = [str(NODE), str(JS / "service_config.mjs")]
    checked = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return json.loads(checked.stdout)


def test_a_device_token_is_not_accepted(stack: LocalStack, powersync: PowerSyncInstance) -> None:
    answer = httpx.get(stack.outputs["anonymous_token_url"], timeout=PATIENT).json()
    assert powersync.verify(answer["token"]).ok
    verdict = powersync.verify(answer["deviceToken"])
    assert (verdict.code, verdict.error) == ("PSYNC_S2101", "Unexpected token algorithm HS256")


def test_anonymous_tokens_are_accepted(stack: LocalStack, powersync: PowerSyncInstance) -> None:
    verdict = powersync.verify(anonymous_token(stack))
    assert (verdict.ok, verdict.error) == (True, None)
    keys = httpx.get(stack.outputs["jwks_uri"], timeout=PATIENT).json()["keys"]
    assert verdict.kid in {key["kid"] for key in keys}


def test_tokens_of_signed_in_users_are_accepted(
    stack: LocalStack, powersync: PowerSyncInstance
) -> None:
    answer = httpx.post(
        stack.outputs["token_url"],
        headers={"Authorization": f"Bearer {sign_in(stack)}"},
        timeout=PATIENT,
    )
    assert answer.status_code == 200, answer.text
    verdict = powersync.verify(answer.json()["token"])
    assert (verdict.ok, verdict.error) == (True, None)
    assert verdict.sub == answer.json()["userId"]


def test_an_instance_with_another_audience_refuses_them(stack: LocalStack) -> None:
    with PowerSyncInstance(stack.outputs["jwks_uri"], ["https://elsewhere.test"]) as instance:
        assert instance.verify(anonymous_token(stack)).code == "PSYNC_S2105"


def test_tokens_expire(stack: LocalStack) -> None:
    token = anonymous_token(stack)
    issued = time.time()
    with PowerSyncInstance(stack.outputs["jwks_uri"], stack.outputs["audience"]) as instance:
        assert instance.verify(token, now=issued + 300 + 50).ok  # within PowerSync's tolerance
        assert instance.verify(token, now=issued + 300 + 62).code == "PSYNC_S2103"


def test_tampered_tokens_are_refused(stack: LocalStack, powersync: PowerSyncInstance) -> None:
    header, payload, signature = anonymous_token(stack).split(".")
    _, other_payload, _ = anonymous_token(stack).split(".")
    assert payload != other_payload
    assert powersync.verify(f"{header}.{other_payload}.{signature}").code == "PSYNC_S2101"
    flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
    assert powersync.verify(f"{header}.{payload}.{flipped}").code == "PSYNC_S2101"


def test_the_credential_of_an_identity_provider_is_not_a_powersync_token(
    stack: LocalStack, powersync: PowerSyncInstance
) -> None:
    assert powersync.verify(sign_in(stack)).code == "PSYNC_S2101"


def test_the_client_auth_block_fits_powersyncs_own_schema(stack: LocalStack) -> None:
    checked = check_service_config(SERVICE_CONFIG + stack.outputs["powersync_client_auth"])
    assert checked["errors"] == []
    assert checked["config"]["client_auth"] == {
        "jwks_uri": stack.outputs["jwks_uri"],
        "audience": stack.outputs["audience"],
    }


def test_the_schema_check_sees_mistakes() -> None:
    mistaken = SERVICE_CONFIG + "client_auth:\n  jwks_uri: 5\n  audience: text\n"
    paths = {error["instancePath"] for error in check_service_config(mistaken)["errors"]}
    assert {"/client_auth/jwks_uri", "/client_auth/audience"} <= paths
