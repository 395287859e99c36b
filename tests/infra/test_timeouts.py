"""How long a caller may have to wait, at worst, for what the functions themselves wait for."""

import asyncio
import gc
import importlib.util
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.api_gateway import lambda_event
from tests.identity.key_server import public_jwk, sign
from tests.infra.plan import Plan
from tests.infra.test_environment import PROVIDED_BY_LAMBDA
from token_service.aws import aws_json
from token_service.aws.exchange import Answer, NoAnswerError
from token_service.endpoints.jwks import JWKS_PATH
from token_service.identity import provider_http, provider_keys, sessions
from token_service.identity.provider_http import ProviderResponse

POWERSYNC_WAITS = 3.0
"""Seconds that PowerSync waits for the JWKS."""

COLD_START = 0.6
"""Seconds that the JWKS function may take to start: some 80 ms of CPU at a seventh of a core."""

Handler = Callable[[Mapping[str, object], object], Mapping[str, Any]]


@dataclass
class Waiting:
    """Seconds that a function would have waited; nobody does."""

    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    """AWS at its slowest: takes each call at the last moment, and then says nothing."""
    waiting = Waiting()

    def silent(*_: object, deadline: float, **_options: object) -> Answer:
        waiting.add(deadline - time.monotonic())
        raise NoAnswerError("TimeoutError")

    began = time.monotonic()
    monkeypatch.setattr(aws_json, "exchange", silent)
    monkeypatch.setattr(time, "monotonic", lambda: began + waiting.seconds)
    monkeypatch.setattr(time, "sleep", waiting.add)
    return waiting


@pytest.fixture
def start(full_plan: Plan, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Handler]]:
    """Gives the handler of a function as it is after a cold start."""

    def start(name: str) -> Handler:
        environment = {**PROVIDED_BY_LAMBDA, **full_plan.environment(name)}
        monkeypatch.setattr(os, "environ", environment)
        module_name = full_plan.of("Function")[name].inputs["handler"].removesuffix(".handler")
        spec = importlib.util.find_spec(module_name)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        handler: Handler = module.handler
        return handler

    yield start
    asyncio.set_event_loop(None)
    gc.unfreeze()


def test_the_jwks_function_answers_while_powersync_waits(
    waiting: Waiting, start: Callable[[str], Handler], full_plan: Plan
) -> None:
    assert start("jwks")(lambda_event(JWKS_PATH), None)["statusCode"] == 503
    assert 0 < waiting.seconds < POWERSYNC_WAITS
    assert full_plan.of("Function")["jwks"].inputs["timeout"] > POWERSYNC_WAITS


def test_the_jwks_function_answers_in_time_when_parameter_and_key_are_both_slow(
    waiting: Waiting, start: Callable[[str], Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSM answers its last attempt at the last moment, and then KMS says nothing."""
    asked: list[str] = []

    def slow(*where: Any, deadline: float, **_: object) -> Answer:
        asked.append(where[2]["X-Amz-Target"])
        if asked[1:] == ["AmazonSSM.GetParameter"]:
            waiting.add(deadline - time.monotonic())
            value = {"Value": '{"keys":[],"seal":"c2VhbA=="}', "Version": 2, "LastModifiedDate": 1}
            return Answer(200, {}, json.dumps({"Parameter": value}).encode())
        waiting.add(deadline - time.monotonic())
        raise NoAnswerError("TimeoutError")

    monkeypatch.setattr(aws_json, "exchange", slow)
    assert start("jwks")(lambda_event(JWKS_PATH), None)["statusCode"] == 503
    assert asked == ["AmazonSSM.GetParameter"] * 2 + ["TrentService.Decrypt"] * 2
    assert 2 < waiting.seconds < POWERSYNC_WAITS - COLD_START


def test_an_anonymous_client_gets_an_answer_before_the_function_is_ended(
    waiting: Waiting, start: Callable[[str], Handler], full_plan: Plan
) -> None:
    assert start("auth-anonymous")(lambda_event("/token/anonymous"), None)["statusCode"] == 503
    assert 0 < waiting.seconds < full_plan.of("Function")["auth-anonymous"].inputs["timeout"]


def test_a_user_gets_an_answer_before_the_function_is_ended(
    waiting: Waiting,
    start: Callable[[str], Handler],
    full_plan: Plan,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The identity provider is slow, too: it answers each request at the last moment."""
    (provider,) = (
        item
        for item in json.loads(full_plan.environment("auth")["IDENTITY_PROVIDERS"])
        if "checkSession" in item
    )
    key = ec.generate_private_key(ec.SECP256R1())
    origin = provider["issuer"].removesuffix("/")
    pages: dict[str, object] = {
        f"{origin}/.well-known/openid-configuration": {
            "issuer": provider["issuer"],
            "jwks_uri": f"{origin}/keys",
            "userinfo_endpoint": f"{origin}/userinfo",
        },
        f"{origin}/keys": {"keys": [public_jwk(key, kid="k", alg="ES256")]},
        f"{origin}/userinfo": {"sub": "alice"},
    }
    asked: list[str] = []

    def send_request(url: str, **_: object) -> ProviderResponse:
        asked.append(url)
        waiting.add(provider_http.TIME_LIMIT)
        return ProviderResponse(200, json.dumps(pages[url]).encode(), None)

    for module in (provider_keys, sessions):
        monkeypatch.setattr(module, "send_request", send_request)
    now = int(time.time())
    claims = {"iss": provider["issuer"], "aud": "app", "sub": "alice", "exp": now + 300}
    credential = sign({"alg": "ES256", "kid": "k"}, claims, key, "ES256")
    event = lambda_event("/token", {"authorization": f"Bearer {credential}"})
    assert start("auth")(event, None)["statusCode"] == 503
    assert asked == list(pages)
    only_the_provider = len(asked) * provider_http.TIME_LIMIT
    assert only_the_provider < waiting.seconds < full_plan.of("Function")["auth"].inputs["timeout"]
