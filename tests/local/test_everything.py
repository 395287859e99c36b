"""A stack with everything switched on, which on the embedded AWS is what there is to be seen."""

from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from local.outputs import what_next
from local.stack import LocalStack
from tests.infra.conftest import EVERYTHING
from tests.infra.plan import REGION
from tests.local.operators import run_printed

DOMAIN = EVERYTHING["customDomain"]["name"]


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with LocalStack({**EVERYTHING, "aws:region": REGION}) as deployed:
        yield deployed


def test_the_printed_commands_reach_the_custom_domain(stack: LocalStack) -> None:
    printed = what_next(stack.outputs, Path("outputs.json"))
    assert f"{DOMAIN} leads nowhere on this machine" in printed
    jwks, *tokens = run_printed(printed)
    kids = {key["kid"] for key in jwks["keys"]}
    assert len(tokens) == 2
    for answer in tokens:
        token = jwt.decode_complete(answer["token"], options={"verify_signature": False})
        assert token["header"]["kid"] in kids
        assert token["payload"]["iss"] == stack.outputs["issuer"] == f"https://{DOMAIN}"


def test_the_owner_of_the_address_is_asked_and_every_alarm_goes_there(stack: LocalStack) -> None:
    (subscription,) = stack.aws.client("sns").list_subscriptions()["Subscriptions"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "on-call@example.com")
    alarms = stack.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert len(alarms) == 5
    for alarm in alarms:
        assert alarm["AlarmActions"] == alarm["OKActions"] == [subscription["TopicArn"]]
        # What is throttled is a metric of the stack's own, named after it.
        assert len(alarm["Dimensions"]) == (0 if alarm["Namespace"] == "PowerSyncAuth" else 1)
