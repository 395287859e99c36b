"""docs/operations.md: what a deployment that was cut short leaves, against the program's plan."""

import re

import pytest

from tests.docs.snippets import ROOT
from tests.infra.conftest import EVERYTHING
from tests.infra.plan import Plan, record

PAGE = "docs/operations.md"

WRITTEN_AGAIN = {
    "EventRule": "PutRule",
    "EventTarget": "PutTargets",
    "Invocation": "an invocation, safe to repeat",
    "LogMetricFilter": "PutMetricFilter",
    "MetricAlarm": "PutMetricAlarm",
    "ProvisionedConcurrencyConfig": "PutProvisionedConcurrencyConfig",
    "RolePolicy": "PutRolePolicy",
    "SecretPolicy": "PutResourcePolicy",
    "SecretRotation": "RotateSecret",
    "Topic": "CreateTopic, which finds the one of that name",
    "TopicPolicy": "SetTopicAttributes",
    "TopicSubscription": "Subscribe, which finds the one of that address",
}
"""Made again by a call that writes over what is there, and so never in the way nor left behind."""


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Everything that a stack can have: with aliases, a domain and a pool."""
    return record(**EVERYTHING, provisionedConcurrency=1)


def rows(heading: str) -> dict[str, str]:
    """The rows of the table below a heading, by the resources that they begin with."""
    text = (ROOT / PAGE).read_text("utf-8").split(f"### {heading}\n", 1)[1].split("\n### ")[0]
    return dict(
        line.strip("|").split("|", 1)
        for line in text.splitlines()
        if line.startswith("| `") and line.count("|") >= 3
    )


def kinds(heading: str) -> set[str]:
    return {kind for first in rows(heading) for kind in re.findall(r"`(\w+)`", first)}


def test_every_resource_is_in_the_way_left_behind_or_written_again(plan: Plan) -> None:
    planned = {r.type.rsplit(":", 1)[1] for r in plan.resources if r.custom}
    in_the_way, left_behind = kinds("What can be in the way"), kinds("What may be left behind")
    assert in_the_way | left_behind | WRITTEN_AGAIN.keys() == planned
    assert not in_the_way & left_behind
    assert not (in_the_way | left_behind) & WRITTEN_AGAIN.keys()


@pytest.mark.parametrize("kind", ["Function", "Role", "LogGroup", "Parameter"])
def test_the_names_in_the_way_are_those_of_the_plan(plan: Plan, kind: str) -> None:
    (row,) = [row for first, row in rows("What can be in the way").items() if f"`{kind}`" in first]
    listed = re.findall(r"`([^`]+)`", row.split("|")[0])
    complete = [name for name in listed if "…" not in name]
    stem = complete[0].removesuffix("-jwks")
    names = {*complete, *(stem + name.removeprefix("…") for name in listed if "…" in name)}
    planned = {str(r.inputs["name"]) for r in plan.of(kind).values()}
    if kind == "LogGroup":
        names = {n for n in names if n != "/aws/lambda/"}
        functions = {f"/aws/lambda/{f.inputs['name']}" for f in plan.of("Function").values()}
        planned -= functions
        assert len(plan.of(kind)) == len(functions) + len(planned)
    assert names == planned


def test_the_names_in_the_commands_are_those_of_the_plan(plan: Plan) -> None:
    """Up to what AWS makes up itself."""
    text = (ROOT / PAGE).read_text("utf-8")
    names = [str(r.inputs.get("name") or r.inputs.get("namePrefix")) for r in plan.resources]
    for name in re.findall(r"[\w/]*\bpowersync-auth-dev-[\w-]+", text):
        known = [n for n in names if n and (name == n or (n.endswith("-") and name.startswith(n)))]
        assert (
            known or name.endswith(("/live", "-left-behind")) or f"/aws/lambda/{name}" in names
        ), name


def test_the_policy_of_a_role_has_the_name_that_the_page_deletes(plan: Plan) -> None:
    assert {r.inputs["name"] for r in plan.of("RolePolicy").values()} == {
        "own-log-and-what-it-needs"
    }


def test_what_is_looked_for_by_its_tags_has_them(plan: Plan) -> None:
    for kind in ("Key", "Secret", "Api", "UserPool"):
        for resource in plan.of(kind).values():
            tags = resource.inputs["tags"]
            assert (tags["project"], tags["stack"]) == ("powersync-auth", "dev")
