"""Where the signing keys are kept: KMS, Secrets Manager, and the SSM parameter."""

import re
from typing import Any

from local.aws import Aws, arguments, given_or_made_up_name, tag_list
from local.resource import Created, Resource
from local.resources.registry import makes

_ROLE_ARN = re.compile(r"arn:aws:iam::(\d{12}):role/(?:[^\"]+/)?([^\"/]+)")


@makes("aws:kms/key:Key")
def key(aws: Aws, resource: Resource) -> Created:
    """Creates a customer key, with its rotation; a remembered one is known by its description."""
    given = arguments(
        resource.inputs,
        leave_out={"enableKeyRotation", "rotationPeriodInDays", "deletionWindowInDays"},
    )
    if "Policy" in given:
        given["Policy"] = _for_assumed_roles(given["Policy"])
    kms = aws.client("kms")
    created = _remembered_key(kms, resource.inputs.get("description"))
    if created is None:
        created = kms.create_key(Tags=tag_list(resource.inputs, "TagKey", "TagValue"), **given)[
            "KeyMetadata"
        ]
    elif "Policy" in given:
        kms.put_key_policy(KeyId=created["KeyId"], PolicyName="default", Policy=given["Policy"])
    if resource.inputs.get("enableKeyRotation"):
        kms.enable_key_rotation(KeyId=created["KeyId"])
    return Created(created["KeyId"], {"arn": created["Arn"], "keyId": created["KeyId"]})


@makes("aws:kms/alias:Alias")
def alias(aws: Aws, resource: Resource) -> Created:
    """Gives a key a name."""
    name = given_or_made_up_name(resource.inputs, f"alias/{resource.name}")
    target = resource.inputs["targetKeyId"].rpartition("/")[2]
    kms = aws.client("kms")
    if any(found["AliasName"] == name for found in kms.list_aliases()["Aliases"]):
        kms.update_alias(AliasName=name, TargetKeyId=target)
    else:
        kms.create_alias(AliasName=name, TargetKeyId=target)
    return Created(name, {"name": name})


@makes("aws:secretsmanager/secret:Secret")
def secret(aws: Aws, resource: Resource) -> Created:
    """Creates a secret, without a value; a remembered one keeps its own."""
    remembered = _remembered_secret(aws, resource.inputs.get("namePrefix"))
    if remembered is not None:
        arn, name = remembered["ARN"], remembered["Name"]
        return Created(arn, {"arn": arn, "name": name})
    name = given_or_made_up_name(resource.inputs, resource.name)
    given = arguments(
        resource.inputs,
        leave_out={"name", "namePrefix", "recoveryWindowInDays"},
    )
    created = aws.client("secretsmanager").create_secret(
        Name=name, Tags=tag_list(resource.inputs), **given
    )
    return Created(created["ARN"], {"arn": created["ARN"], "name": name})


@makes("aws:secretsmanager/secretPolicy:SecretPolicy")
def secret_policy(aws: Aws, resource: Resource) -> Created:
    """Puts the resource policy of a secret."""
    secret_arn = resource.inputs["secretArn"]
    aws.client("secretsmanager").put_resource_policy(
        SecretId=secret_arn, ResourcePolicy=_for_assumed_roles(resource.inputs["policy"])
    )
    return Created(secret_arn)


@makes("aws:secretsmanager/secretRotation:SecretRotation")
def secret_rotation(_: Aws, resource: Resource) -> Created:
    """Records the schedule only.

    MiniStack's RotateSecret moves the labels by itself and never calls the rotation function, so
    a schedule there would break the ring. `make rotate` takes the four steps instead.
    """
    return Created(resource.inputs["secretId"])


@makes("aws:ssm/parameter:Parameter")
def parameter(aws: Aws, resource: Resource) -> Created:
    """Creates a parameter; a remembered one whose value is others' to change keeps its own."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    ssm = aws.client("ssm")
    arn = aws.arn("ssm", f"parameter/{name.removeprefix('/')}")
    if "insecureValue" in resource.ignore_changes:
        try:
            version = ssm.get_parameter(Name=name)["Parameter"]["Version"]
        except ssm.exceptions.ParameterNotFound:
            pass
        else:
            return Created(name, {"arn": arn, "name": name, "version": version})
    given = arguments(
        resource.inputs,
        rename={"insecureValue": "Value"},
        leave_out={"name", "namePrefix"},
    )
    version = ssm.put_parameter(Name=name, Tags=tag_list(resource.inputs), **given)["Version"]
    return Created(name, {"arn": arn, "name": name, "version": version})


def _remembered_key(kms: Any, description: str | None) -> Any:
    for listed in kms.list_keys()["Keys"]:
        key = kms.describe_key(KeyId=listed["KeyId"])["KeyMetadata"]
        if description and key["Description"] == description and key["Enabled"]:
            return key
    return None


def _remembered_secret(aws: Aws, prefix: str | None) -> Any:
    if prefix is None:
        return None
    for found in aws.client("secretsmanager").list_secrets()["SecretList"]:
        if found["Name"].startswith(prefix):
            return found
    return None


def _for_assumed_roles(policy: str) -> str:
    """Makes conditions on `aws:PrincipalArn` mean in MiniStack what they mean in AWS.

    AWS compares the ARN of the role. MiniStack compares that of the assumed role, which ends in
    a session's name: roles are written so here, with a wildcard for the session.
    """
    return _ROLE_ARN.sub(r"arn:aws:sts::\1:assumed-role/\2/*", policy)
