"""What keeps the signing keys, and that none of them is in the plan."""

import json
import re

from tests.infra.plan import Plan, record


def test_the_secret_is_encrypted_with_the_customer_key(plan: Plan) -> None:
    key = plan.of("Key")["signing-keys"]
    assert key.inputs["enableKeyRotation"] is True
    assert key.inputs["rotationPeriodInDays"] == 2_560  # a dollar a month for each
    assert 7 <= key.inputs["deletionWindowInDays"] <= 30
    assert plan.one("Secret").inputs["kmsKeyId"].endswith(":key/signing-keys")
    assert plan.one("Secret").inputs["recoveryWindowInDays"] == 30
    alias = plan.of("Alias")["signing-keys"].inputs
    assert alias["name"] == "alias/powersync-auth-dev-signing-keys"
    assert alias["targetKeyId"] == "signing-keys"


def test_key_secret_and_users_are_protected_unless_told_otherwise(full_plan: Plan) -> None:
    protected = {f"{r.type.rsplit(':', 1)[1]} {r.name}" for r in full_plan.resources if r.protect}
    assert protected == {"Key signing-keys", "Secret key-ring", "UserPool users"}
    assert full_plan.one("UserPool").inputs["deletionProtection"] == "ACTIVE"
    loose = record(protect=False, createUserPool=True)
    assert not [r for r in loose.resources if r.protect]
    assert loose.one("UserPool").inputs["deletionProtection"] == "INACTIVE"


def test_nothing_private_is_in_the_plan(plan: Plan) -> None:
    assert not plan.of("SecretVersion")
    assert plan.one("Parameter").inputs["insecureValue"] == '{"keys": []}'
    everything = repr(plan.resources) + repr(plan.outputs)
    assert not re.search(r"PRIVATE KEY|\"[dpqk]\":|'[dpqk]':", everything)


def test_the_published_jwks_belongs_to_the_rotate_function(plan: Plan) -> None:
    parameter = plan.one("Parameter")
    assert parameter.inputs["type"] == "String"
    assert parameter.inputs["tier"] == "Intelligent-Tiering"
    assert "insecureValue" in parameter.ignore_changes
    # Any input that may change would write the remembered value over the published one.
    assert set(parameter.inputs) == {"type", "tier", "insecureValue", "name", "tags"}


def test_a_parameter_made_anew_by_the_rotate_function_is_the_one_of_the_plan(plan: Plan) -> None:
    """Deleted by somebody, it comes back as Pulumi knows it, and nobody else's may be tagged."""
    parameter = plan.one("Parameter")
    assert json.loads(plan.environment("rotate")["JWKS_PARAMETER_TAGS"]) == parameter.inputs["tags"]
    (writes,) = [s for s in plan.role_statements("rotate") if "ssm:PutParameter" in s["Action"]]
    assert "ssm:AddTagsToResource" in writes["Action"]
    assert writes["Resource"].endswith(f":parameter{parameter.inputs['name']}")


def test_no_input_of_the_secret_changes_by_itself(plan: Plan) -> None:
    """A change of its description would be refused: the secret's policy denies UpdateSecret."""
    inputs = plan.one("Secret").inputs
    assert set(inputs) == {"namePrefix", "kmsKeyId", "recoveryWindowInDays", "tags"}


def test_a_secret_that_waits_for_its_deletion_keeps_its_policy(plan: Plan) -> None:
    """An administrator may restore it; the policy would be deleted before the secret."""
    assert [r.name for r in plan.resources if r.retain_on_delete] == ["key-ring"]
    assert plan.one("SecretPolicy").retain_on_delete
