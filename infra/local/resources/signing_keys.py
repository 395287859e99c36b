"""Where the signing keys are kept: KMS, Secrets Manager, and the SSM parameter."""

import json
import re
from typing import Any

from local.aws import Aws, arguments, given_or_made_up_name, tag_list
from local.engine import Created, Resource
from local.resources.registry import makes

_ROLE_ARN = re.compile(r"^arn:aws:iam::(\d{12}|\*):role/(?:.+/)?([^/]+)$")
_WITH_WILDCARDS = {"StringEquals": "StringLike", "StringNotEquals": "StringNotLike"}


@makes("aws:kms/key:Key")
def key(aws: Aws, resource: Resource) -> Created:
    """Creates a customer key, with its rotation."""
    given = arguments(
        resource.inputs,
        rename={"customerMasterKeySpec": "KeySpec"},
        leave_out={
            "enableKeyRotation",
            "rotationPeriodInDays",
            "deletionWindowInDays",
            "isEnabled",
        },
    )
    kms = aws.client("kms")
    created = kms.create_key(Tags=tag_list(resource.inputs, "TagKey", "TagValue"), **given)[
        "KeyMetadata"
    ]
    if resource.inputs.get("enableKeyRotation"):
        kms.enable_key_rotation(KeyId=created["KeyId"])
    return Created(created["KeyId"], {"arn": created["Arn"], "keyId": created["KeyId"]})


@makes("aws:kms/keyPolicy:KeyPolicy")
def key_policy(aws: Aws, resource: Resource) -> Created:
    """Puts the policy of a key."""
    aws.client("kms").put_key_policy(
        KeyId=resource.inputs["keyId"], PolicyName="default", Policy=resource.inputs["policy"]
    )
    return Created(resource.inputs["keyId"])


@makes("aws:kms/alias:Alias")
def alias(aws: Aws, resource: Resource) -> Created:
    """Gives a key a name."""
    name = given_or_made_up_name(resource.inputs, f"alias/{resource.name}")
    target = resource.inputs["targetKeyId"].rpartition("/")[2]
    aws.client("kms").create_alias(AliasName=name, TargetKeyId=target)
    return Created(
        name,
        {
            "name": name,
            "arn": aws.arn("kms", name),
            "targetKeyArn": aws.arn("kms", f"key/{target}"),
        },
    )


@makes("aws:secretsmanager/secret:Secret")
def secret(aws: Aws, resource: Resource) -> Created:
    """Creates a secret, without a value."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    given = arguments(
        resource.inputs,
        leave_out={"name", "namePrefix", "policy", "recoveryWindowInDays"},
    )
    created = aws.client("secretsmanager").create_secret(
        Name=name, Tags=tag_list(resource.inputs), **given
    )
    if resource.inputs.get("policy"):
        _put_secret_policy(aws, created["ARN"], resource.inputs["policy"])
    return Created(created["ARN"], {"arn": created["ARN"], "name": name})


@makes("aws:secretsmanager/secretPolicy:SecretPolicy")
def secret_policy(aws: Aws, resource: Resource) -> Created:
    """Puts the resource policy of a secret."""
    secret_arn = resource.inputs["secretArn"]
    _put_secret_policy(aws, secret_arn, resource.inputs["policy"])
    return Created(secret_arn)


@makes("aws:secretsmanager/secretRotation:SecretRotation")
def secret_rotation(_: Aws, resource: Resource) -> Created:
    """Records the schedule only.

    MiniStack's RotateSecret moves the labels by itself and never calls the rotation function, so
    a schedule there would break the ring. `make rotate` takes the four steps instead.
    """
    return Created(resource.inputs["secretId"], {"rotationEnabled": True})


@makes("aws:ssm/parameter:Parameter")
def parameter(aws: Aws, resource: Resource) -> Created:
    """Creates a parameter."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    given = arguments(
        resource.inputs,
        rename={"insecureValue": "Value"},
        leave_out={"name", "namePrefix", "arn"},
    )
    version = aws.client("ssm").put_parameter(Name=name, Tags=tag_list(resource.inputs), **given)[
        "Version"
    ]
    arn = aws.arn("ssm", f"parameter/{name.removeprefix('/')}")
    return Created(name, {"arn": arn, "name": name, "version": version})


def _put_secret_policy(aws: Aws, secret_arn: str, document: str) -> None:
    policy = json.loads(document)
    for statement in policy["Statement"]:
        if "Condition" in statement:
            statement["Condition"] = _for_assumed_roles(statement["Condition"])
    aws.client("secretsmanager").put_resource_policy(
        SecretId=secret_arn, ResourcePolicy=json.dumps(policy)
    )


def _for_assumed_roles(condition: dict[str, Any]) -> dict[str, Any]:
    """Makes a condition on `aws:PrincipalArn` mean in MiniStack what it means in AWS.

    AWS compares the ARN of the role. MiniStack compares that of the assumed role, which ends in
    a session's name: roles are written so here, with a wildcard for the session.
    """
    translated: dict[str, Any] = {}
    for operator, comparisons in condition.items():
        for compared, values in comparisons.items():
            chosen = operator
            values_here = values
            if compared.lower() == "aws:principalarn":
                chosen = _WITH_WILDCARDS.get(operator, operator)
                listed = values if isinstance(values, list) else [values]
                values_here = [
                    _ROLE_ARN.sub(r"arn:aws:sts::\1:assumed-role/\2/*", value) for value in listed
                ]
            translated.setdefault(chosen, {})[compared] = values_here
    return translated
