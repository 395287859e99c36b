"""The functions' roles: their names, and how a stack with the former names gets to them."""

import json

import pytest

from tests.infra.plan import ACCOUNT, REGION, Plan, Recorder, record

FORMER = ("powersync-auth-dev-auth", "powersync-auth-dev-rotate", "powersync-auth-dev-jwks")
READERS = ["auth", "auth-anonymous", "rotate"]


def arn(role: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{role}"


def let_in(plan: Plan) -> tuple[set[str], set[str]]:
    """ARNs of those who may read the key ring, and who may write it."""
    reads, writes = json.loads(plan.one("SecretPolicy").inputs["policy"])["Statement"]
    return (
        set(reads["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]),
        set(writes["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]),
    )


def test_stacks_of_one_name_in_two_regions_share_no_role(full_plan: Plan) -> None:
    """Roles are the same in all regions of an account."""
    elsewhere = record(recorder=Recorder(region="us-west-2"), anonymous={"enabled": True})
    here, there = (
        {r.inputs["name"] for r in p.of("Role").values()} for p in (full_plan, elsewhere)
    )
    assert "powersync-auth-dev-eu-central-1-auth" in here
    assert "powersync-auth-dev-us-west-2-auth" in there
    assert not here & there


@pytest.mark.parametrize("region", ["ap-southeast-2", "us-isob-east-1", "eusc-de-east-1"])
def test_a_role_with_a_long_region_and_a_long_stack_is_within_the_rules(region: str) -> None:
    for stack in ("dev", "x" * 100):
        plan = record(stack=stack, recorder=Recorder(region=region), anonymous={"enabled": True})
        for name, role in plan.of("Role").items():
            assert len(role.inputs["name"]) <= 64
            assert role.inputs["name"].endswith(f"-{region}-{name}")


def test_the_ring_is_open_to_a_role_before_its_function_has_it(full_plan: Plan) -> None:
    for name in READERS:
        before = full_plan.before(full_plan.of("Function")[name])
        assert {"SecretPolicy key-ring", f"Role {name}", f"RolePolicy {name}"} <= before


def test_functions_that_still_have_their_former_roles_are_not_locked_out() -> None:
    upgraded = record(recorder=Recorder(roles=FORMER))
    readers, writers = let_in(upgraded)
    assert readers == {
        arn(f"powersync-auth-dev-{REGION}-auth"),
        arn(f"powersync-auth-dev-{REGION}-rotate"),
        arn("powersync-auth-dev-auth"),
        arn("powersync-auth-dev-rotate"),
    }
    assert writers == {
        arn(f"powersync-auth-dev-{REGION}-rotate"),
        arn("powersync-auth-dev-rotate"),
    }


def test_a_former_role_that_is_gone_is_let_in_no_more(default_plan: Plan) -> None:
    """Otherwise whoever may create a role of that name could read the ring."""
    for principals in let_in(default_plan):
        assert not principals & set(map(arn, FORMER))
    of_others = ("powersync-auth-dev-auth-2", "xpowersync-auth-dev-auth")
    for principals in let_in(record(recorder=Recorder(roles=of_others))):
        assert not principals & set(map(arn, of_others))


def test_a_former_role_is_not_replaced_in_its_place(full_plan: Plan) -> None:
    """A new one beside it, by another URN; what is deleted first is what the function runs as."""
    for kind in ("Role", "RolePolicy"):
        for resource in full_plan.of(kind).values():
            assert full_plan.at(resource.parent).type == "powersync-auth:index:FunctionRole"


def test_the_secrets_policy_is_the_one_of_the_former_release(full_plan: Plan) -> None:
    """Made anew it would be deleted at the end of the upgrade, and leave the secret without one."""
    attached = full_plan.one("SecretPolicy")
    assert attached.aliases == (
        "urn:pulumi:dev::powersync-auth::powersync-auth:index:Rotation::rotation",
    )


def test_a_function_and_its_log_keep_name_and_place(full_plan: Plan) -> None:
    for kind in ("Function", "LogGroup"):
        for name in [*READERS, "jwks"]:
            resource = full_plan.of(kind)[name]
            assert resource.inputs["name"].endswith(f"powersync-auth-dev-{name}")
            parent = full_plan.at(resource.parent)
            assert (parent.type, parent.name) == ("powersync-auth:index:Function", name)


def test_roles_stay_within_a_boundary_where_there_is_one() -> None:
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    bounded = record(permissionsBoundary=boundary, anonymous={"enabled": True}).of("Role")
    assert [role.inputs["permissionsBoundary"] for role in bounded.values()] == [boundary] * 4
    assert all("permissionsBoundary" not in role.inputs for role in record().of("Role").values())
