"""Where the signing keys live: customer key, key-ring secret, published JWKS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from powersync_auth.endpoints import asked, via_service
from powersync_auth.policies import Statement, policy
from powersync_auth.secret_policy import close_secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from powersync_auth.naming import Names
    from powersync_auth.roles import FunctionRole, Roles
    from powersync_auth.settings import Settings

KEY_ADMINISTRATION = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
"""What the account's administrators may do with a key: look after it, never use it."""

SEAL_CONTEXT = "kms:EncryptionContext:JwksParameter"
"""What a seal of the JWKS is encrypted for: the name of its parameter."""


class SigningKeys(pulumi.ComponentResource):
    """What keeps the signing keys.

    Produces:
        key_arn: ARN of the customer-managed KMS key, which has an alias and rotation where it is
            made here. It encrypts the ring, and seals what the rotate function publishes.
        secret: The key-ring secret. It is empty until the rotate function writes the first ring:
            a private key is never on a laptop nor in Pulumi's state.
        policy: The secret's resource policy: the functions that need it, and nobody else. It is
            there before a function has the role that it names.
        parameter: The published JWKS, derived from the ring by the rotate function.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        names: Names,
        roles: Roles,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("powersync-auth:index:SigningKeys", names.logical(name), None, opts)
        child = pulumi.ResourceOptions(parent=self)
        kept = pulumi.ResourceOptions(parent=self, protect=settings.protect)
        self._secrets_manager = via_service("secretsmanager", self)

        self._parameter_name = f"/{names.physical('jwks')}"
        self.key_arn: pulumi.Input[str]
        if settings.customer_key_arn:
            self.key_arn = settings.told(lambda told: told.customer_key_arn, "customer_key_arn")
        else:
            self.key_arn = self._make_key(settings, names, roles).arn
        self.secret = aws.secretsmanager.Secret(
            names.logical("key-ring"),
            # AWS adds random characters, so that a destroyed stack can be made anew while its
            # former secret waits for its deletion.
            name_prefix=f"{names.physical('key-ring')}-",
            kms_key_id=self.key_arn,
            recovery_window_in_days=30,
            # No description: to change one the provider calls UpdateSecret, which the secret's
            # policy refuses to whoever deploys.
            opts=kept,
        )
        self.policy = close_secret(
            self.secret,
            names,
            roles,
            settings.told(lambda told: told.break_glass_principals, "break_glass_principals"),
            opts=child,
        )
        self.parameter = aws.ssm.Parameter(
            names.logical("jwks"),
            name=self._parameter_name,
            type="String",
            tier="Intelligent-Tiering",
            insecure_value=json.dumps({"keys": []}),
            opts=pulumi.ResourceOptions(
                parent=self,
                # The rotate function's from the first minute. Any other input that changes would
                # make the provider write the value it remembers, the empty set; so there is
                # none that can (hence no description).
                ignore_changes=["insecureValue", "tier"],
            ),
        )
        self.register_outputs(
            {"secret": self.secret.arn, "parameter": self.parameter.name, "key": self.key_arn}
        )

    def _make_key(self, settings: Settings, names: Names, roles: Roles) -> aws.kms.Key:
        """The customer key, with a policy that lets nobody use it but through what is made here."""
        account = aws.get_caller_identity_output(opts=asked(self)).account_id
        partition = aws.get_partition_output(opts=asked(self)).partition
        root = pulumi.Output.concat("arn:", partition, ":iam::", account, ":root")

        def seals(sid: str, actions: Sequence[str], *users: FunctionRole) -> Statement:
            return {
                "Sid": sid,
                "Effect": "Allow",
                "Principal": {"AWS": root},
                "Action": list(actions),
                "Resource": "*",  # in a key's policy: this key
                "Condition": {
                    "ArnEquals": {"aws:PrincipalArn": [user.arn for user in users]},
                    "StringEquals": {SEAL_CONTEXT: self._parameter_name},
                },
            }

        key = aws.kms.Key(
            names.logical("signing-keys"),
            description="Encrypts the ring of PowerSync signing keys",
            enable_key_rotation=True,
            # Each new material costs a dollar a month, for ever; docs/decisions says why the
            # longest period is no weaker here.
            rotation_period_in_days=2_560,
            deletion_window_in_days=30,
            policy=policy(
                {
                    "Sid": "AdministratorsLookAfterTheKey",
                    "Effect": "Allow",
                    "Principal": {"AWS": root},
                    "Action": list(KEY_ADMINISTRATION),
                    "Resource": "*",  # in a key's policy: this key
                },
                {
                    "Sid": "OnlySecretsManagerUsesIt",
                    "Effect": "Allow",
                    "Principal": {"AWS": root},
                    "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                    "Resource": "*",  # in a key's policy: this key
                    "Condition": {
                        "StringEquals": {
                            "kms:ViaService": self._secrets_manager,
                            "kms:CallerAccount": account,
                        }
                    },
                },
                # In no other context, so that neither of them can decrypt the ring by itself.
                seals("RotateAloneSealsTheJwks", ["kms:Encrypt"], roles.rotate),
                seals("RotateAndJwksOpenSeals", ["kms:Decrypt"], roles.rotate, roles.jwks),
            ),
            opts=pulumi.ResourceOptions(parent=self, protect=settings.protect),
        )
        aws.kms.Alias(
            names.logical("signing-keys"),
            name=f"alias/{names.physical('signing-keys')}",
            target_key_id=key.key_id,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return key

    def read_ring(self) -> list[Statement]:
        """What a function's role needs to read the key ring."""
        return [self._on_secret("secretsmanager:GetSecretValue"), self._on_key("kms:Decrypt")]

    def write_ring(self) -> list[Statement]:
        """What the rotate function's role needs to read, write and relabel the key ring."""
        return [
            self._on_secret(
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetSecretValue",
                "secretsmanager:PutSecretValue",
                "secretsmanager:UpdateSecretVersionStage",
            ),
            self._on_key("kms:Decrypt", "kms:GenerateDataKey"),
        ]

    def read_jwks(self) -> list[Statement]:
        """What the JWKS function's role needs: the document, and who wrote it."""
        return [self._on_parameter("ssm:GetParameter"), self._on_seals("kms:Decrypt")]

    def write_jwks(self) -> list[Statement]:
        """What the rotate function's role needs to publish, also where the parameter is gone.

        With tags it can only be made by whoever may tag it.
        """
        return [
            self._on_parameter("ssm:AddTagsToResource", "ssm:GetParameter", "ssm:PutParameter"),
            self._on_seals("kms:Decrypt", "kms:Encrypt"),
        ]

    def _on_secret(self, *actions: str) -> Statement:
        return {"Effect": "Allow", "Action": list(actions), "Resource": self.secret.arn}

    def _on_parameter(self, *actions: str) -> Statement:
        return {"Effect": "Allow", "Action": list(actions), "Resource": self.parameter.arn}

    def _on_seals(self, *actions: str) -> Statement:
        return {
            "Effect": "Allow",
            "Action": list(actions),
            "Resource": self.key_arn,
            "Condition": {"StringEquals": {SEAL_CONTEXT: self._parameter_name}},
        }

    def _on_key(self, *actions: str) -> Statement:
        return {
            "Effect": "Allow",
            "Action": list(actions),
            "Resource": self.key_arn,
            "Condition": {
                "StringEquals": {
                    "kms:ViaService": self._secrets_manager,
                    "kms:EncryptionContext:SecretARN": self.secret.arn,
                }
            },
        }
