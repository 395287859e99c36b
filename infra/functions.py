"""One Lambda function: role, log group, limits. And the four functions of the token service."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws

from bundle import AWS, lambda_bundle
from configuration import is_secret
from naming import physical_name
from policies import Statement, assumed_by, policy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from settings import Settings
    from signing_keys import SigningKeys

JWKS_PATH = "/.well-known/jwks.json"
TOKEN_PATH = "/token"  # noqa: S105 - a path
ANONYMOUS_PATH = "/token/anonymous"

LIVE = "live"
"""Alias of the published version, where SnapStart or provisioned concurrency needs one."""


@dataclass(frozen=True)
class Capacity:
    """What a function runs on: memory in MB (CPU grows with it), and how it starts."""

    memory_mb: int
    snap_start: bool = False
    provisioned_concurrency: int = 0


class Function(pulumi.ComponentResource):
    """One Lambda function with what belongs to it alone.

    Produces:
        role: May do what `permissions` say, and write to the function's own log group.
        log_group: Keeps the log for `logRetentionDays`.
        function: The Lambda function.
        name, arn, invoke_arn: What others need to invoke it.
        qualifier: The alias to invoke it by, if any; `arn` and `invoke_arn` contain it.
        ready: What has to exist before its first invocation.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        *,
        handler: str,
        environment: Mapping[str, pulumi.Input[str]],
        permissions: Sequence[Statement],
        timeout_seconds: int,
        capacity: Capacity,
        bundle: Path,
        log_level: str = "WARN",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("powersync-auth:index:Function", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        physical = physical_name(name)

        self.role = aws.iam.Role(
            name, name=physical, assume_role_policy=assumed_by("lambda.amazonaws.com"), opts=child
        )
        self.log_group = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/lambda/{physical}",
            retention_in_days=settings.log_retention_days,
            opts=child,
        )
        own_log: Statement = {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            # Lambda names the streams of the group.
            "Resource": pulumi.Output.concat(self.log_group.arn, ":log-stream:*"),
        }
        permission = aws.iam.RolePolicy(
            name,
            name="own-log-and-what-it-needs",
            role=self.role.name,
            policy=policy(own_log, *permissions),
            opts=child,
        )
        versioned = capacity.snap_start or capacity.provisioned_concurrency > 0
        self.function = aws.lambda_.Function(
            name,
            name=physical,
            role=self.role.arn,
            runtime=AWS.runtime,
            architectures=[AWS.architecture],
            handler=handler,
            code=pulumi.FileArchive(str(bundle)),
            memory_size=capacity.memory_mb,
            timeout=timeout_seconds,
            environment={"variables": environment},
            logging_config={
                "log_format": "JSON",
                "log_group": self.log_group.name,
                "application_log_level": log_level,
                "system_log_level": "WARN",
            },
            publish=versioned,
            snap_start={"apply_on": "PublishedVersions"} if capacity.snap_start else None,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )
        self.name = self.function.name
        self.arn: pulumi.Output[str] = self.function.arn
        self.invoke_arn: pulumi.Output[str] = self.function.invoke_arn
        self.qualifier: pulumi.Output[str] | None = None
        self.ready: list[pulumi.Resource] = [self.function, permission]
        if versioned:
            alias = aws.lambda_.Alias(
                name,
                name=LIVE,
                function_name=self.function.name,
                function_version=self.function.version,
                opts=child,
            )
            self.arn, self.invoke_arn, self.qualifier = alias.arn, alias.invoke_arn, alias.name
            self.ready.append(alias)
            if capacity.provisioned_concurrency:
                aws.lambda_.ProvisionedConcurrencyConfig(
                    name,
                    function_name=self.function.name,
                    qualifier=alias.name,
                    provisioned_concurrent_executions=capacity.provisioned_concurrency,
                    opts=child,
                )
        self.register_outputs({"name": self.name, "arn": self.arn})

    def allow(
        self,
        name: str,
        principal: str,
        *,
        source_arn: pulumi.Input[str],
        source_account: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> aws.lambda_.Permission:
        """Lets an AWS service invoke the function, for one source only.

        Args:
            name: Logical name of the permission.
            principal: The service, such as `apigateway.amazonaws.com`.
            source_arn: On behalf of which resource.
            source_account: And of which account, where the ARN does not name one.
            opts: Its place in the program.
        """
        return aws.lambda_.Permission(
            name,
            action="lambda:InvokeFunction",
            function=self.function.name,
            qualifier=self.qualifier,
            principal=principal,
            source_arn=source_arn,
            source_account=source_account,
            opts=opts,
        )


@dataclass(frozen=True)
class Functions:
    """The functions; `auth_anonymous` is there only when anonymous tokens are enabled.

    `bundle` is the zip of which all of them are made.
    """

    jwks: Function
    auth: Function
    auth_anonymous: Function | None
    rotate: Function
    bundle: Path

    @property
    def ring_readers(self) -> list[Function]:
        """The functions that read the key ring."""
        return [f for f in (self.auth, self.auth_anonymous, self.rotate) if f is not None]


def routes(settings: Settings) -> dict[str, str]:
    """Each public path with the methods that it answers."""
    paths = {JWKS_PATH: "GET, HEAD", TOKEN_PATH: "GET, POST"}
    if settings.anonymous.enabled:
        paths[ANONYMOUS_PATH] = "GET, POST"
    return paths


def make_functions(
    settings: Settings,
    keys: SigningKeys,
    *,
    issuer: pulumi.Output[str],
    user_pool_provider: pulumi.Output[dict[str, Any]] | None = None,
) -> Functions:
    """Makes the functions, each with the settings and rights that it needs and no others.

    Args:
        settings: The stack's configuration.
        keys: Where the signing keys are.
        issuer: `iss` of our tokens: the URL of the API.
        user_pool_provider: The created user pool, as an identity provider.
    """
    bundle = lambda_bundle()
    timings = settings.timings
    signing: dict[str, pulumi.Input[str]] = {
        "KEYRING_SECRET_ARN": keys.secret.arn,
        "KEYRING_CACHE_SECONDS": str(timings.keyring_cache),
        "KEYRING_MAX_AGE_SECONDS": str(timings.keyring_max_age),
        "TOKEN_LIFETIME_SECONDS": str(settings.token_lifetime_seconds),
        "ISSUER": issuer,
        "AUDIENCES": json.dumps(settings.token_audiences),
        "POWERSYNC_URL": settings.powersync_url,
        "ANONYMOUS_REMEMBER_SECONDS": str(settings.anonymous_remember_seconds),
    }
    serving = Capacity(settings.memory_mb, settings.snap_start, settings.provisioned_concurrency)
    jwks = Function(
        "jwks",
        settings,
        handler="token_service.handlers.jwks.handler",
        environment={
            "JWKS_PARAMETER": keys.parameter.name,
            "JWKS_CACHE_SECONDS": str(timings.jwks_cache),
            "JWKS_MAX_AGE_SECONDS": str(timings.jwks_max_age),
            "ROUTES": json.dumps(routes(settings)),
        },
        permissions=[keys.read_jwks()],
        capacity=Capacity(256),
        timeout_seconds=5,
        bundle=bundle,
    )
    auth = Function(
        "auth",
        settings,
        handler="token_service.handlers.auth.handler",
        environment={**signing, "IDENTITY_PROVIDERS": _providers(settings, user_pool_provider)},
        permissions=keys.read_ring(),
        timeout_seconds=15,
        bundle=bundle,
        capacity=serving,
    )
    auth_anonymous = None
    if settings.anonymous.enabled:
        auth_anonymous = Function(
            "auth-anonymous",
            settings,
            handler="token_service.handlers.auth_anonymous.handler",
            environment={**signing, "ANONYMOUS_SUBJECT": settings.anonymous.subject},
            permissions=keys.read_ring(),
            timeout_seconds=10,
            bundle=bundle,
            capacity=serving,
        )
    rotate = Function(
        "rotate",
        settings,
        handler="token_service.handlers.rotate.handler",
        environment={
            "KEYRING_SECRET_ARN": keys.secret.arn,
            "JWKS_PARAMETER": keys.parameter.name,
            "SIGNING_ALGORITHM": settings.signing_algorithm,
            "PUBLISH_BEFORE_SIGNING_SECONDS": str(timings.publish_before_signing),
            "RETAIN_AFTER_SIGNING_SECONDS": str(timings.retain_after_signing),
            "ANONYMOUS_REMEMBER_SECONDS": str(settings.anonymous_remember_seconds),
            "VERIFIER_CACHE_SECONDS": str(settings.verifier_cache_seconds),
            "JWKS_MAX_AGE_SECONDS": str(timings.jwks_max_age),
            "ROTATION_DAYS": str(settings.rotation_days),
        },
        permissions=[*keys.write_ring(), keys.write_jwks()],
        # No SnapStart here: keys are made from the randomness of this very process.
        capacity=Capacity(512),
        # Each change of the keys. The others would log a line for each request, at a cost, and
        # the API's access log has them already.
        log_level="INFO",
        timeout_seconds=180,
        bundle=bundle,
    )
    return Functions(jwks, auth, auth_anonymous, rotate, bundle)


def _providers(
    settings: Settings, user_pool_provider: pulumi.Output[dict[str, Any]] | None
) -> pulumi.Input[str]:
    """The identity providers as JSON; secret where the setting is, for it may hold an API key."""
    configured = settings.identity_providers
    if user_pool_provider is None:
        text: pulumi.Input[str] = json.dumps(configured)
    else:
        text = user_pool_provider.apply(lambda pool: json.dumps([*configured, pool]))
    return pulumi.Output.secret(text) if is_secret("identityProviders") else text
