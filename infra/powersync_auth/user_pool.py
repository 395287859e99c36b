"""An optional Cognito user pool, for those who have no identity provider yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws

from powersync_auth.environment import pool_as_provider

if TYPE_CHECKING:
    from powersync_auth.naming import Names
    from powersync_auth.settings import Settings


class UserPool(pulumi.ComponentResource):
    """A user pool whose users get tokens.

    Produces:
        pool: The user pool. Administrators create its users; nobody signs up by themselves.
        client: A public client (no secret) for apps.
        provider: The pool as an item of `identityProviders`.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        names: Names,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("powersync-auth:index:UserPool", names.logical(name), None, opts)
        self.pool = aws.cognito.UserPool(
            names.logical("users"),
            name=names.physical("users", limit=128),
            user_pool_tier=settings.user_pool_tier,
            deletion_protection="ACTIVE" if settings.protect else "INACTIVE",
            admin_create_user_config={"allow_admin_create_user_only": True},
            password_policy={
                "minimum_length": 12,
                "require_lowercase": True,
                "require_uppercase": True,
                "require_numbers": True,
                "require_symbols": False,
                "temporary_password_validity_days": 7,
            },
            account_recovery_setting={
                "recovery_mechanisms": [{"name": "verified_email", "priority": 1}]
            },
            auto_verified_attributes=["email"],
            mfa_configuration="OPTIONAL",
            software_token_mfa_configuration={"enabled": True},
            username_configuration={"case_sensitive": False},
            opts=pulumi.ResourceOptions(parent=self, protect=settings.protect),
        )
        self.client = aws.cognito.UserPoolClient(
            names.logical("app"),
            name=names.physical("app", limit=128),
            user_pool_id=self.pool.id,
            generate_secret=False,
            explicit_auth_flows=[
                "ALLOW_USER_SRP_AUTH",
                "ALLOW_USER_PASSWORD_AUTH",
                "ALLOW_REFRESH_TOKEN_AUTH",
            ],
            prevent_user_existence_errors="ENABLED",
            enable_token_revocation=True,
            access_token_validity=60,
            id_token_validity=60,
            refresh_token_validity=30,
            token_validity_units={
                "access_token": "minutes",
                "id_token": "minutes",
                "refresh_token": "days",
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.provider: pulumi.Output[dict[str, Any]] = pulumi.Output.all(
            endpoint=self.pool.endpoint, client_id=self.client.id
        ).apply(lambda made: pool_as_provider(made["endpoint"], made["client_id"]))
        self.register_outputs({"pool": self.pool.id, "client": self.client.id})
