"""A stack with everything switched on, which on the embedded AWS is what there is to be seen."""

import base64
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from local.stack import LocalStack
from tests.infra.conftest import EVERYTHING
from tests.infra.plan import REGION

DOMAIN = EVERYTHING["customDomain"]["name"]


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with LocalStack({**EVERYTHING, "aws:region": REGION}) as deployed:
        yield deployed


def _ask(stack: LocalStack, method: str, path: str) -> Any:
    """Asks as if the domain's DNS record led to the embedded AWS."""
    request = urllib.request.Request(
        f"http://{stack.outputs['custom_domain_target']}{path}",
        method=method,
        headers={"Host": DOMAIN},
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)


def test_requests_for_the_custom_domain_are_answered(stack: LocalStack) -> None:
    kids = {key["kid"] for key in _ask(stack, "GET", "/.well-known/jwks.json")["keys"]}
    token = _ask(stack, "POST", "/token/anonymous")["token"]
    header, claims = (
        json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]
    )
    assert header["kid"] in kids
    assert claims["iss"] == stack.outputs["issuer"] == f"https://{DOMAIN}"


def test_the_owner_of_the_address_is_asked_and_every_alarm_goes_there(stack: LocalStack) -> None:
    (subscription,) = stack.aws.client("sns").list_subscriptions()["Subscriptions"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "on-call@example.com")
    alarms = stack.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert len(alarms) == 4
    for alarm in alarms:
        assert alarm["AlarmActions"] == alarm["OKActions"] == [subscription["TopicArn"]]
        assert len(alarm["Dimensions"]) == 1
