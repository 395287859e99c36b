"""What makes the first key ring, and what starts each rotation from then on."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from tests.infra.plan import ACCOUNT, REGION, Plan

ROTATE = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:powersync-auth-dev-rotate"


def test_pulumi_up_ends_when_the_jwks_is_served(full_plan: Plan, bundle: Path) -> None:
    bootstrap = full_plan.of("Invocation")["bootstrap"]
    assert json.loads(bootstrap.inputs["input"]) == {
        "action": "bootstrap",
        "jwks_uri": "https://auth.example.com/.well-known/jwks.json",
        "connect_to": f"d-x.execute-api.{REGION}.amazonaws.com",
    }
    assert bootstrap.inputs["functionName"] == "powersync-auth-dev-rotate"
    # The zip's: another code makes sure of the ring again.
    assert bootstrap.inputs["triggers"] == {"bundle": sha256(bundle.read_bytes()).hexdigest()}
    before = full_plan.before(bootstrap)
    assert {f"Route {name}" for name in full_plan.of("Route")} <= before
    assert {f"RolePolicy {name}" for name in full_plan.of("Function")} <= before
    assert {"Stage stage", "SecretPolicy key-ring", "Parameter jwks"} <= before
    assert "Permission jwks-get" in before


def test_without_a_custom_domain_the_first_look_goes_to_the_apis_own_name(
    default_plan: Plan,
) -> None:
    assert json.loads(default_plan.of("Invocation")["bootstrap"].inputs["input"]) == {
        "action": "bootstrap",
        "jwks_uri": f"https://api-id.execute-api.{REGION}.amazonaws.com/.well-known/jwks.json",
    }


def test_rotation_starts_after_permission_and_first_ring(plan: Plan) -> None:
    schedule = plan.one("SecretRotation")
    assert schedule.inputs["secretId"] == "id-of-key-ring"
    assert schedule.inputs["rotationLambdaArn"] == ROTATE
    assert schedule.inputs["rotateImmediately"] is False
    assert schedule.inputs["rotationRules"] == {"automaticallyAfterDays": 30, "duration": "1h"}
    assert {"Permission secrets-manager", "Invocation bootstrap"} <= plan.before(schedule)


def test_the_rotate_function_knows_where_a_bootstrap_may_look(plan: Plan) -> None:
    told = json.loads(plan.of("Invocation")["bootstrap"].inputs["input"])
    assert told.pop("action") == "bootstrap"
    assert json.loads(plan.environment("rotate")["JWKS_REACHED"]) == told


def test_what_is_published_is_sealed_before_a_function_asks_for_the_seal(
    full_plan: Plan, bundle: Path
) -> None:
    """A stack of the release that had no seals serves what it has until the new one has."""
    publish = full_plan.of("Invocation")["publish"]
    assert json.loads(publish.inputs["input"]) == {"action": "publish"}
    assert publish.inputs["functionName"] == "powersync-auth-dev-rotate"
    assert publish.inputs["triggers"]["bundle"] == sha256(bundle.read_bytes()).hexdigest()
    before = full_plan.before(publish)
    assert {"Function rotate", "RolePolicy rotate", "Key signing-keys"} <= before
    assert {"SecretPolicy key-ring", "Parameter jwks"} <= before
    assert "Invocation publish" in full_plan.before(full_plan.of("Function")["jwks"])


@pytest.mark.parametrize(
    ("action", "schedule"), [("retire", "rate(1 day)"), ("watch", "rate(5 minutes)")]
)
def test_what_the_rotate_function_does_by_itself(plan: Plan, action: str, schedule: str) -> None:
    rule = plan.of("EventRule")[action].inputs
    assert rule["scheduleExpression"] == schedule
    target = plan.of("EventTarget")[action]
    assert target.inputs["rule"] == rule["name"]
    assert target.inputs["arn"] == ROTATE
    assert json.loads(target.inputs["input"]) == {"action": action}
    assert {f"Permission {action}", "Invocation bootstrap"} <= plan.before(target)


def test_a_parameter_that_somebody_else_wrote_raises_an_alarm_within_ten_minutes(
    plan: Plan,
) -> None:
    """Looked at every five, and each failure within one period of the alarm."""
    every = int(plan.of("EventRule")["watch"].inputs["scheduleExpression"][5])
    alarm = plan.of("MetricAlarm")["rotation-failed"].inputs
    assert alarm["dimensions"] == {"FunctionName": "powersync-auth-dev-rotate"}
    assert every * 60 + alarm["period"] * alarm["evaluationPeriods"] <= 600
