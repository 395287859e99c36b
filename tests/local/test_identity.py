"""Users of two identity providers, and anonymous ones, at the deployed stack."""

import json
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import jwt
import pytest

from local.emulator import ROOT
from local.stack import LocalStack
from tests.identity.openid_provider import OpenIdProvider
from tests.identity.service import ISSUER, Deployment
from tests.js.verifier import JS, NODE, PowerSyncInstance, require_node_modules
from tests.local.user_pool import Pool
from tests.patience import PATIENT
from token_service.identity.providers import IdentityProviders


@pytest.fixture(scope="module")
def openid_provider() -> Iterator[OpenIdProvider]:
    with OpenIdProvider() as provider:
        yield provider


@pytest.fixture(scope="module")
def stack(openid_provider: OpenIdProvider) -> Iterator[LocalStack]:
    """Two providers: the stack's own user pool, and an OpenID provider on this machine."""
    item = {
        "issuer": openid_provider.issuer,
        "audiences": ["RS256", openid_provider.resource],
        "claims": {"organisation": "https://app.test/organisation"},
        "checkSession": {"userinfoUri": f"{openid_provider.issuer}/session/userinfo"},
    }
    with LocalStack({"identityProviders": [item]}) as deployed:
        yield deployed


@pytest.fixture(scope="module")
def own_pool(stack: LocalStack) -> Pool:
    local = stack.outputs["local"]
    return Pool(stack.aws.client("cognito-idp"), local["user_pool_id"], local["client_id"])


@pytest.fixture(scope="module")
def own_user(stack: LocalStack, own_pool: Pool) -> dict[str, str]:
    return own_pool.sign_in(stack.outputs["local"]["username"], stack.outputs["local"]["password"])


def ask(stack: LocalStack, credential: str, **headers: str) -> httpx.Response:
    fields = {"Authorization": f"Bearer {credential}", **headers}
    return httpx.get(stack.outputs["token_url"], headers=fields, timeout=PATIENT)


def assert_refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def test_the_log_says_why_a_login_was_refused_where_the_documents_look(
    stack: LocalStack, own_user: dict[str, str], tmp_path: Path
) -> None:
    """Through the call that `aws logs tail` makes, with what is given to it."""
    text = (ROOT / "docs" / "identity.md").read_text("utf-8").replace("\\\n", " ")
    dev, asked, local = (
        line for line in text.splitlines() if "aws logs tail " in line or "python3 -c" in line
    )
    assert_refused(ask(stack, own_user["IdToken"] + "A"))
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local/outputs.json").write_text(json.dumps(stack.outputs))
    tail, tail_dev = shlex.split(local), shlex.split(dev)
    given = dict(word.split("=") for word in tail if "=" in word)
    endpoint = subprocess.run(
        ["sh", "-euc", f'{asked}; echo "${tail[-1][1:]}"'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    logs = boto3.client(
        "logs",
        aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        region_name=given["AWS_REGION"],
        endpoint_url=endpoint,
    )
    group = tail[tail.index("tail") + 1]
    events = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=int(time.time() - 600) * 1000, interleaved=True
    )
    messages = [event["message"] for page in events for event in page["events"]]
    assert any("credential refused: " in message for message in messages)
    assert tail_dev[tail_dev.index("tail") + 1] == group.replace("-local-", "-dev-")


@pytest.mark.parametrize("kind", ["IdToken", "AccessToken"])
def test_users_of_the_pool_get_tokens(
    kind: str, stack: LocalStack, own_user: dict[str, str]
) -> None:
    answer = ask(stack, own_user[kind])
    assert answer.status_code == 200, answer.text
    assert answer.json()["userId"] == claims_of(own_user[kind])["sub"]


def test_users_of_the_other_provider_get_tokens_until_they_sign_out(
    stack: LocalStack, openid_provider: OpenIdProvider
) -> None:
    user = openid_provider.sign_in("alice")
    answer = ask(stack, user.access_token)
    assert answer.status_code == 200, answer.text
    with PowerSyncInstance(stack.outputs["jwks_uri"], stack.outputs["audience"]) as powersync:
        assert powersync.verify(answer.json()["token"]).sub == "alice"
    user.sign_out()
    assert_refused(ask(stack, user.access_token))


def test_everyone_else_gets_401(
    stack: LocalStack, own_pool: Pool, own_user: dict[str, str]
) -> None:
    foreign_pool = Pool.create(stack, "foreign")
    assert_refused(ask(stack, foreign_pool.sign_in()["IdToken"]))
    assert_refused(ask(stack, foreign_pool.sign_in()["AccessToken"]))
    foreign_client = Pool.create_client(own_pool.cognito, own_pool.id)
    local = stack.outputs["local"]
    others = own_pool.sign_in(local["username"], local["password"], foreign_client)
    assert_refused(ask(stack, others["IdToken"]))
    assert_refused(ask(stack, others["AccessToken"]))
    assert_refused(ask(stack, own_user["RefreshToken"]))
    assert_refused(ask(stack, ask(stack, own_user["IdToken"]).json()["token"]))
    assert_refused(ask(stack, own_user["IdToken"][:-4] + "AAAA"))
    with OpenIdProvider() as stranger:
        assert_refused(ask(stack, stranger.sign_in("alice").access_token))
    nobody = httpx.get(stack.outputs["token_url"], timeout=PATIENT)
    assert nobody.status_code == 401
    assert nobody.headers["www-authenticate"] == "Bearer"


def test_an_anonymous_device_stays_itself_and_can_be_upgraded(
    stack: LocalStack, own_user: dict[str, str]
) -> None:
    url = stack.outputs["anonymous_token_url"]
    first = httpx.get(url, timeout=PATIENT).json()
    time.sleep(1)  # tokens of one second are alike
    again = httpx.get(
        url, headers={"X-Anonymous-Token": first["deviceToken"]}, timeout=PATIENT
    ).json()
    other = httpx.post(url, timeout=PATIENT).json()
    assert again["userId"] == first["userId"] != other["userId"]
    assert again["deviceToken"] != first["deviceToken"]
    answer = ask(stack, own_user["IdToken"], **{"X-Anonymous-Token": again["deviceToken"]})
    claims = claims_of(answer.json()["token"])
    assert claims["previous_sub"] == first["userId"]
    assert claims["role"] == "authenticated"
    # What PowerSync gets is no device's memory.
    for seen in (answer.json()["token"], again["token"]):
        stranger = httpx.get(url, headers={"X-Anonymous-Token": seen}, timeout=PATIENT).json()
        assert stranger["userId"] not in {first["userId"], claims["sub"]}
        assert claims_of(stranger["token"])["role"] == "anonymous"


def connect(
    stack: LocalStack, credential: str | None, device_token: str | None = None
) -> dict[str, Any]:
    """What the documented TypeScript connector gives the SDK."""
    require_node_modules()
    options = {
        "tokenUrl": stack.outputs["token_url"],
        "anonymousTokenUrl": stack.outputs["anonymous_token_url"],
        "credential": credential,
        "deviceToken": device_token,
    }
    run = subprocess.run(
        [str(NODE), str(JS / "fetch_credentials.mjs")],
        input=json.dumps(options),
        capture_output=True,
        text=True,
        timeout=PATIENT,
        check=True,
    )
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def test_the_documented_connector_works_with_the_stack(
    stack: LocalStack, own_user: dict[str, str]
) -> None:
    with PowerSyncInstance(stack.outputs["jwks_uri"], stack.outputs["audience"]) as powersync:
        device = connect(stack, None)
        assert device["credentials"]["endpoint"] == stack.outputs["audience"][0]
        anonymous = powersync.verify(device["credentials"]["token"])
        same = connect(stack, None, device["deviceToken"])
        assert powersync.verify(same["credentials"]["token"]).sub == anonymous.sub
        user = connect(stack, own_user["IdToken"], same["deviceToken"])
        verdict = powersync.verify(user["credentials"]["token"])
    assert verdict.ok
    assert verdict.sub == claims_of(own_user["IdToken"])["sub"]
    assert claims_of(user["credentials"]["token"])["previous_sub"] == anonymous.sub
    refused = connect(stack, own_user["IdToken"][:-4] + "AAAA")
    assert (refused["credentials"], refused["signedOut"]) == (None, True)


@pytest.fixture(scope="module")
def pool(stack: LocalStack) -> Pool:
    return Pool.create(stack, "sessions")


@pytest.fixture
def serve(stack: LocalStack, pool: Pool) -> Callable[..., Deployment]:
    """The token service in this process, over a pool of the embedded AWS."""

    def serve(clock: Callable[[], float] = time.time, **more: object) -> Deployment:
        item = {
            "issuer": f"https://cognito-idp.{stack.aws.region}.amazonaws.com/{pool.id}",
            "jwksUri": f"{stack.aws.endpoint}/{pool.id}/.well-known/jwks.json",
            "clientIds": [pool.client_id],
            **more,
        }
        providers = IdentityProviders.from_settings(
            [item], own_issuer=ISSUER, clock=clock, allow_nearby_http=True
        )
        return Deployment(providers, clock)

    return serve


@pytest.mark.parametrize(
    ("use", "accepted", "refused"),
    [("id", "IdToken", "AccessToken"), ("access", "AccessToken", "IdToken")],
)
def test_cognitos_tokens_are_told_apart(
    use: str, accepted: str, refused: str, pool: Pool, serve: Callable[..., Deployment]
) -> None:
    tokens, deployment = pool.sign_in(), serve(tokenUse=use)
    assert deployment.token(tokens[accepted]).status == 200
    assert deployment.token(tokens[refused]).status == 401


def test_an_expired_token_of_cognito_is_refused(
    pool: Pool, serve: Callable[..., Deployment]
) -> None:
    token = pool.sign_in()["IdToken"]
    expires_at = claims_of(token)["exp"]
    assert serve(lambda: expires_at + 29).token(token).status == 200
    assert serve(lambda: expires_at + 30).token(token).status == 401


def test_a_globally_signed_out_user_of_cognito_is_refused(
    stack: LocalStack, pool: Pool, serve: Callable[..., Deployment]
) -> None:
    check = {"kind": "cognito", "userinfoUri": f"{stack.aws.endpoint}/"}
    deployment = serve(tokenUse="access", checkSession=check)
    token = pool.sign_in()["AccessToken"]
    assert deployment.token(token).status == 200
    pool.cognito.global_sign_out(AccessToken=token)
    answer = deployment.token(token)
    assert (answer.status, answer.json["error"]) == (401, "invalid_token")
    assert deployment.token(pool.sign_in()["AccessToken"]).status == 200
    # Without the check the token is good until it expires.
    assert serve(tokenUse="access").token(token).status == 200
