"""A stack of the release before goes on as it is: nothing that has to stay is made anew.

Pulumi knows a resource again by its URN, or by an alias that leads to the URN it had.
"""

import json

from local.resource import Resource
from tests.infra.plan import Plan
from tests.infra.previous_release import RESOURCES

BEFORE: list[str] = json.loads(RESOURCES.read_text())

HAVE_TO_STAY = {
    *("aws:kms/key:Key", "aws:secretsmanager/secret:Secret", "aws:cognito/userPool:UserPool"),
    *("aws:apigatewayv2/api:Api", "aws:ssm/parameter:Parameter"),
}


def known_as(resource: Resource, plan: Plan) -> set[str]:
    """The URNs that a resource has, or may have had.

    As the engine has it: its own aliases, and for each alias of its parent what it was called below
    that.
    """
    own = {resource.urn}
    for parent in resource.aliases:
        own.add(_below(parent, resource))
    of_parent = [r for r in plan.resources if r.urn == resource.parent]
    for parent_resource in of_parent:
        own |= {_below(urn, resource) for urn in known_as(parent_resource, plan)}
    return own


def _below(parent: str, resource: Resource) -> str:
    start, _, name = resource.urn.rpartition("::")
    stack = start.rpartition("::")[0]
    types = f"{parent.split('::')[2]}${resource.type}" if parent else resource.type
    return f"{stack}::{types}::{name}"


def test_every_resource_of_the_release_before_is_taken_over(full_plan: Plan) -> None:
    known = {urn: r for r in full_plan.resources for urn in known_as(r, full_plan)}
    lost = [urn for urn in BEFORE if urn not in known]
    assert lost == []
    assert {known[urn].type for urn in BEFORE} >= HAVE_TO_STAY
    assert len({known[urn].urn for urn in BEFORE}) == len(BEFORE)


def test_a_name_in_aws_is_not_changed_by_the_component(full_plan: Plan) -> None:
    """Most resources would be replaced for another name."""
    for resource in full_plan.resources:
        name = resource.inputs.get("name") or resource.inputs.get("namePrefix")
        if resource.custom and isinstance(name, str) and "powersync-auth" in name:
            assert "powersync-auth-dev-" in name
            assert name.count("powersync-auth") == 1
