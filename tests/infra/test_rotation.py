"""What makes the first key ring, and what starts each rotation from then on."""

import json
from hashlib import sha256
from pathlib import Path

from tests.infra.plan import ACCOUNT, REGION, Plan

ROTATE = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:powersync-auth-dev-rotate"


def test_pulumi_up_ends_when_the_jwks_is_served(full_plan: Plan, bundle: Path) -> None:
    bootstrap = full_plan.one("Invocation")
    assert json.loads(bootstrap.inputs["input"]) == {
        "action": "bootstrap",
        "jwks_uri": f"https://api-id.execute-api.{REGION}.amazonaws.com/.well-known/jwks.json",
    }
    assert bootstrap.inputs["functionName"] == "powersync-auth-dev-rotate"
    # The zip's: another code makes sure of the ring again.
    assert bootstrap.inputs["triggers"] == {"bundle": sha256(bundle.read_bytes()).hexdigest()}
    before = full_plan.before(bootstrap)
    assert {f"Route {name}" for name in full_plan.of("Route")} <= before
    assert {f"RolePolicy {name}" for name in full_plan.of("Function")} <= before
    assert {"Stage stage", "SecretPolicy key-ring", "Parameter jwks"} <= before
    assert "Permission jwks-get" in before


def test_rotation_starts_after_permission_and_first_ring(plan: Plan) -> None:
    schedule = plan.one("SecretRotation")
    assert schedule.inputs["secretId"] == "id-of-key-ring"
    assert schedule.inputs["rotationLambdaArn"] == ROTATE
    assert schedule.inputs["rotateImmediately"] is False
    assert schedule.inputs["rotationRules"] == {"automaticallyAfterDays": 30, "duration": "1h"}
    assert {"Permission secrets-manager", "Invocation bootstrap"} <= plan.before(schedule)


def test_previous_keys_are_retired_daily(plan: Plan) -> None:
    assert plan.one("EventRule").inputs["scheduleExpression"] == "rate(1 day)"
    target = plan.one("EventTarget")
    assert target.inputs["rule"] == plan.one("EventRule").inputs["name"]
    assert target.inputs["arn"] == ROTATE
    assert json.loads(target.inputs["input"]) == {"action": "retire"}
    assert {"Permission retire", "Invocation bootstrap"} <= plan.before(target)
