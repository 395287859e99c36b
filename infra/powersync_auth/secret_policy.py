"""The key-ring secret's own policy: who may read and write it, whatever else IAM allows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws

from powersync_auth.endpoints import asked
from powersync_auth.policies import policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from powersync_auth.naming import Names
    from powersync_auth.policies import Statement
    from powersync_auth.roles import Roles

FORMER_PARENT = ("rotation", "powersync-auth:index:Rotation")
"""Name and type of the component that the secret's policy belonged to."""


def close_secret(
    secret: aws.secretsmanager.Secret,
    names: Names,
    roles: Roles,
    break_glass: pulumi.Input[Sequence[str]],
    opts: pulumi.ResourceOptions,
) -> aws.secretsmanager.SecretPolicy:
    """Lets the functions' roles at the key ring, in an emergency `break_glass`, and nobody else.

    The roles are let in before a function has them.

    Args:
        secret: The key ring.
        names: What things are called.
        roles: The functions' roles.
        break_glass: ARNs of principals that may read it, too.
        opts: Its place in the program.
    """
    named = [names.physical(name) for name in ("auth", "auth-anonymous", "rotate")]
    former = aws.iam.get_roles_output(
        name_regex=f"^({'|'.join(map(re.escape, named))})$", opts=asked(secret)
    ).arns

    def still_there(*wanted: str) -> pulumi.Output[list[str]]:
        """ARNs of the roles of the release before roles had the region in their names.

        Until the functions have the new ones they go on with these; by the next deployment
        they are gone, and from here as well.
        """
        suffixes = tuple(f":role/{names.physical(name)}" for name in wanted)
        return former.apply(lambda arns: sorted(arn for arn in arns if arn.endswith(suffixes)))

    def everybody(*groups: Any) -> pulumi.Output[list[str]]:
        return pulumi.Output.all(*groups).apply(lambda groups: [arn for g in groups for arn in g])

    return aws.secretsmanager.SecretPolicy(
        names.logical("key-ring"),
        secret_arn=secret.arn,
        block_public_policy=True,
        policy=secret_policy(
            secret.arn,
            readers=everybody(
                [role.arn for role in roles.ring_readers],
                still_there("auth", "auth-anonymous", "rotate"),
                break_glass,
            ),
            writers=everybody([roles.rotate.arn], still_there("rotate")),
        ),
        opts=pulumi.ResourceOptions.merge(
            opts,
            # It was part of the rotation once. Made anew it would be deleted afterwards.
            pulumi.ResourceOptions(
                aliases=[pulumi.Alias(parent=pulumi.create_urn(*FORMER_PARENT))],
                # A destroyed secret can be restored for 30 days: it goes with its policy, which
                # would be deleted first.
                retain_on_delete=True,
            ),
        ),
    )


def secret_policy(
    secret_arn: pulumi.Output[str],
    *,
    readers: pulumi.Input[Sequence[str]],
    writers: pulumi.Input[Sequence[str]],
) -> pulumi.Output[str]:
    """The secret's own policy: whatever else IAM allows, nobody but these reads or writes it.

    Args:
        secret_arn: The secret.
        readers: ARNs of the principals that may read it, as `aws:PrincipalArn` has them (for a
            role in use: the role's ARN).
        writers: The same, for those who may write it or move its labels.

    An AWS service that acts by itself has no `aws:PrincipalArn`, which a negated condition takes
    for a stranger; hence `aws:PrincipalIsAWSService`: rotation makes and removes a version of its
    own to test with.
    """

    def nobody_but(sid: str, principals: pulumi.Input[Sequence[str]], *actions: str) -> Statement:
        return {
            "Sid": sid,
            "Effect": "Deny",
            "Principal": "*",
            "Action": list(actions),
            "Resource": secret_arn,
            "Condition": {
                "ArnNotEquals": {"aws:PrincipalArn": principals},
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            },
        }

    return policy(
        nobody_but("NobodyElseReads", readers, "secretsmanager:GetSecretValue"),
        nobody_but(
            "NobodyElseWrites",
            writers,
            "secretsmanager:PutSecretValue",
            # A replica takes this policy along, which names another secret there: it would deny
            # nothing.
            "secretsmanager:ReplicateSecretToRegions",
            "secretsmanager:UpdateSecret",
            "secretsmanager:UpdateSecretVersionStage",
        ),
    )
