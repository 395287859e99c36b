"""The policy of a role that deploys: from the plan of the program, everything switched on."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from operate.deployer.rights import RIGHTS
from powersync_auth.regions import via_service_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from local.resource import Resource

Statement = dict[str, Any]


def deployer_policy(
    resources: Iterable[Resource],
    *,
    project: str,
    stack: str,
    region: str,
    account: str,
    partition: str = "aws",
    suffix: str = "amazonaws.com",
    boundary: str = "",
) -> dict[str, Any]:
    """What whoever deploys a stack has to be allowed, as an IAM policy document.

    Nothing in it reads the key ring or uses the customer key but through Secrets Manager, and it
    can hand Lambda these roles only.

    Args:
        resources: The plan.
        project: Pulumi project; with `stack` in the tags of everything that takes tags.
        stack: Name of the stack.
        region: Where it is deployed.
        account: The account's number.
        partition: The region's partition.
        suffix: How the names of its endpoints end.
        boundary: ARN of the permissions boundary that every role it makes has to have.

    Raises:
        KeyError: A kind of resource whose rights `rights.py` does not know.
    """
    on_named: dict[str, set[str]] = defaultdict(set)
    on_tagged: dict[str, set[str]] = defaultdict(set)
    arns: dict[str, set[str]] = defaultdict(set)
    creating: set[str] = set()
    anywhere: set[str] = set()
    known_by_tags = {right.service for right in RIGHTS.values() if right.is_known_by_tags}

    for resource in resources:
        if not resource.custom:
            continue
        right = RIGHTS[kind(resource)]
        place = {"name": name_in_aws(resource), "region": region, "account": account}
        named = {f"arn:{partition}:{arn.format(**place)}" for arn in right.of_it}
        arns[right.service] |= named
        by_tags = not named and right.service in known_by_tags
        (on_tagged if by_tags else on_named)[right.service] |= _actions(right.service, right.on_it)
        creating |= _actions(right.service, right.created)
        anywhere |= _actions(right.service, right.anywhere)

    roles = sorted(arns["iam"])
    tags = {"project": project, "stack": stack}
    statements = [
        _allow(service.title().replace("-", ""), on_named[service], sorted(arns[service]))
        for service in sorted(on_named)
    ]
    statements += [
        _allow(
            "Tagged",
            {action for actions in on_tagged.values() for action in actions},
            "*",
            StringEquals={f"aws:ResourceTag/{key}": value for key, value in tags.items()},
        ),
        _allow(
            "WithTags",
            creating,
            "*",
            StringEquals={f"aws:RequestTag/{key}": value for key, value in tags.items()},
        ),
        _allow(
            "HandRolesToLambda",
            {"iam:PassRole"},
            roles,
            StringEquals={"iam:PassedToService": "lambda.amazonaws.com"},
        ),
        _allow(
            "EncryptSecrets",
            {"kms:Decrypt", "kms:GenerateDataKey"},
            "*",
            StringEquals={
                "kms:ViaService": via_service_names("secretsmanager", region, suffix),
                **{f"aws:ResourceTag/{key}": value for key, value in tags.items()},
            },
        ),
        _allow("Anywhere", anywhere, "*"),
    ]
    if any("/domainnames" in arn for arn in arns["apigateway"]):
        # API Gateway makes its own role with the first domain name of an account.
        statements.append(
            _allow(
                "FirstDomainName",
                {"iam:CreateServiceLinkedRole"},
                "*",
                StringEquals={"iam:AWSServiceName": "ops.apigateway.amazonaws.com"},
            )
        )
    if boundary:
        statements += _only_bounded(roles, boundary)
    return {"Version": "2012-10-17", "Statement": statements}


def kind(resource: Resource) -> str:
    """Its type without package and class: `iam/role`."""
    return resource.type.split(":")[1]


def name_in_aws(resource: Resource) -> str:
    """What AWS calls it, or how that begins."""
    inputs: Mapping[str, Any] = resource.inputs
    return str(inputs.get("name") or inputs.get("namePrefix") or inputs.get("domainName") or "")


def _actions(service: str, words: str) -> set[str]:
    return {word if ":" in word else f"{service}:{word}" for word in words.split()}


def _allow(sid: str, actions: Iterable[str], where: str | list[str], **condition: Any) -> Statement:
    statement: Statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": sorted(actions),
        "Resource": where,
    }
    return {**statement, "Condition": condition} if condition else statement


def _only_bounded(roles: list[str], boundary: str) -> list[Statement]:
    """Whoever can write a role's policy could give it every right, but for its boundary."""
    return [
        {
            "Sid": "OnlyWithinTheBoundary",
            "Effect": "Deny",
            "Action": ["iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"],
            "Resource": roles,
            "Condition": {"StringNotEquals": {"iam:PermissionsBoundary": boundary}},
        },
        {
            "Sid": "TheBoundaryStays",
            "Effect": "Deny",
            "Action": ["iam:DeleteRolePermissionsBoundary"],
            "Resource": roles,
        },
        _allow("SetTheBoundary", {"iam:PutRolePermissionsBoundary"}, roles),
    ]
