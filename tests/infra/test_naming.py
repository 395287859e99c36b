"""Names within the rules of AWS, and the tags that everything carries."""

import re

import pytest

from tests.infra.conftest import EVERYTHING
from tests.infra.plan import PROJECT, Plan, record

UNTAGGED = {
    *("Alias", "ApiMapping", "EventTarget", "Integration", "Invocation"),
    *("LogMetricFilter", "Permission"),
    *("RolePolicy", "Route", "SecretPolicy", "SecretRotation", "TopicPolicy"),
    *("TopicSubscription", "UserPoolClient"),
}
"""Types that take no tags in AWS."""


def test_everything_is_tagged(plan: Plan) -> None:
    tags = {"project": PROJECT, "stack": "dev", "managed-by": "pulumi"}
    untagged = {r.type for r in plan.resources if r.custom and r.inputs.get("tags") != tags}
    assert {token.rsplit(":", 1)[1] for token in untagged} <= UNTAGGED


NAME_RULES = {
    "Function": r"[a-zA-Z0-9-_]{1,64}",
    "Role": r"[\w+=,.@-]{1,64}",
    "EventRule": r"[.\-_A-Za-z0-9]{1,64}",
    "LogGroup": r"[.\-_/#A-Za-z0-9]{1,512}",
    "Parameter": r"/[a-zA-Z0-9_.\-]{1,1000}",
    "MetricAlarm": r"[\x20-\x7e]{1,255}",
    "Api": r".{1,128}",
    "Topic": r"[a-zA-Z0-9_-]{1,256}",
    "UserPool": r"[\w\s+=,.@-]{1,128}",
    "UserPoolClient": r"[\w\s+=,.@-]{1,128}",
    "RolePolicy": r"[\w+=,.@-]{1,128}",
}


@pytest.mark.parametrize("stack", ["dev", "production.eu", "x" * 100, "a.b_c-" * 16, "_", "."])
def test_names_are_within_the_rules_of_aws(stack: str) -> None:
    plan = record(stack=stack, **EVERYTHING)
    for kind, rule in NAME_RULES.items():
        for resource in plan.of(kind).values():
            assert re.fullmatch(rule, resource.inputs["name"]), resource.inputs["name"]
    aliases = [r for r in plan.resources if r.type == "aws:kms/alias:Alias"]
    for alias in aliases:
        assert re.fullmatch(r"alias/[a-zA-Z0-9/_-]{1,250}", alias.inputs["name"])
    # The provider appends 26 characters to a prefix.
    assert re.fullmatch(r"[\w/+=.@-]{1,486}", plan.one("Secret").inputs["namePrefix"])


@pytest.mark.parametrize(
    ("stack", "name"),
    [
        ("dev", "powersync-auth-dev-jwks"),
        ("production.eu", "powersync-auth-production-eu-2c23ccd7-jwks"),
        ("x" * 100, f"powersync-auth-{'x' * 35}-09ecb6eb-jwks"),
        (".", "powersync-auth--cdb4ee2a-jwks"),
        (
            "-bb-9-0ccY0X-.a1_0._Z09c9.a9bY_bY.bc-__.",
            "powersync-auth-bb-9-0ccY0X--a1_0-_Z09c9-a9bY_bY-b-72673db3-jwks",
        ),
    ],
)
def test_names_are_those_of_the_releases_before(stack: str, name: str) -> None:
    """Another name would be another function, and another key ring."""
    assert record(stack=stack).of("Function")["jwks"].inputs["name"] == name


def test_stacks_with_long_names_do_not_share_names() -> None:
    one, other = (record(stack="x" * 80 + end) for end in ("1", "2"))
    for kind in ("Function", "Role", "LogGroup", "Parameter", "EventRule"):
        names = {r.inputs["name"] for plan in (one, other) for r in plan.of(kind).values()}
        assert len(names) == 2 * len(one.of(kind))
