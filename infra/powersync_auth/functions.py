"""The four functions of the token service, and what each is told and allowed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws

from powersync_auth import environment
from powersync_auth.bundle import lambda_bundle
from powersync_auth.endpoints import dns_suffix
from powersync_auth.lambda_function import Capacity, Function
from powersync_auth.legacy_keys import for_jwks, for_rotate
from powersync_auth.naming import stack_tags
from powersync_auth.paths import ANONYMOUS_PATH, JWKS_PATH, TOKEN_PATH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from powersync_auth.http_api import HttpApi
    from powersync_auth.naming import Names
    from powersync_auth.roles import Roles
    from powersync_auth.settings import Settings
    from powersync_auth.signing_keys import SigningKeys


@dataclass(frozen=True)
class Functions:
    """The functions; `auth_anonymous` is there only when anonymous tokens are enabled.

    `triggers` have an invocation be made again: other code.
    """

    jwks: Function
    auth: Function
    auth_anonymous: Function | None
    rotate: Function
    triggers: Mapping[str, str]


def routes(settings: Settings) -> dict[str, str]:
    """Each public path with the methods that it answers."""
    paths = {JWKS_PATH: "GET, HEAD", TOKEN_PATH: "GET, POST"}
    if settings.anonymous.enabled:
        paths[ANONYMOUS_PATH] = "GET, POST"
    return paths


def make_functions(
    settings: Settings,
    names: Names,
    roles: Roles,
    keys: SigningKeys,
    *,
    api: HttpApi,
    user_pool_provider: pulumi.Output[dict[str, Any]] | None = None,
    opts: pulumi.ResourceOptions,
) -> Functions:
    """Makes the functions, each with the settings and rights that it needs and no others.

    Args:
        settings: The stack's configuration.
        names: What things are called.
        roles: Who the functions are.
        keys: Where the signing keys are.
        api: Where they are reached; its URL is the `iss` of our tokens.
        user_pool_provider: The created user pool, as an identity provider.
        opts: Their place in the program.
    """
    bundle = lambda_bundle()
    triggers = {"bundle": hashlib.sha256(bundle.read_bytes()).hexdigest()}
    timings = settings.timings
    suffix = dns_suffix(keys)
    signing = environment.of_signing(
        settings, secret_arn=keys.secret.arn, issuer=api.issuer, dns_suffix=suffix
    )
    serving = Capacity(settings.memory_mb, settings.snap_start, settings.provisioned_concurrency)
    former_keys = settings.told(lambda told: for_rotate(told.former_keys), "legacy_keys")
    rotate = Function(
        "rotate",
        settings,
        names,
        role=roles.rotate,
        handler="token_service.handlers.rotate.handler",
        environment={
            "DNS_SUFFIX": suffix,
            "KEYRING_SECRET_ARN": keys.secret.arn,
            "JWKS_PARAMETER": keys.parameter.name,
            "SEAL_KEY_ARN": keys.key_arn,
            "JWKS_REACHED": pulumi.Output.json_dumps(api.reached_before_dns),
            "SIGNING_ALGORITHM": settings.signing_algorithm,
            "PUBLISH_BEFORE_SIGNING_SECONDS": str(timings.publish_before_signing),
            "RETAIN_AFTER_SIGNING_SECONDS": str(timings.retain_after_signing),
            "ANONYMOUS_REMEMBER_SECONDS": str(settings.remember_retired_seconds),
            "VERIFIER_CACHE_SECONDS": str(settings.verifier_cache_seconds),
            "JWKS_MAX_AGE_SECONDS": str(timings.jwks_max_age),
            "ROTATION_DAYS": str(settings.rotation_days),
            "JWKS_PARAMETER_TAGS": json.dumps(stack_tags()),
            "LEGACY_KEYS": former_keys,
        },
        permissions=[*keys.write_ring(), *keys.write_jwks()],
        after=[keys.policy],
        # No SnapStart here: keys are made from the randomness of this very process.
        capacity=Capacity(512),
        # Each change of the keys. The others would log a line for each request, at a cost, and
        # the API's access log has them already.
        log_level="INFO",
        timeout_seconds=180,
        bundle=bundle,
        opts=opts,
    )
    published = aws.lambda_.Invocation(
        names.logical("publish"),
        function_name=rotate.name,
        input=json.dumps({"action": "publish"}),
        # Which of these were revoked has to be published before the JWKS function has them.
        triggers={**triggers, "legacy_keys": former_keys},
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(depends_on=[keys.policy, keys.parameter, *rotate.ready]),
        ),
    )
    jwks = Function(
        "jwks",
        settings,
        names,
        role=roles.jwks,
        handler="token_service.handlers.jwks.handler",
        environment={
            "DNS_SUFFIX": suffix,
            "JWKS_PARAMETER": keys.parameter.name,
            "SEAL_KEY_ARN": keys.key_arn,
            "JWKS_CACHE_SECONDS": str(timings.jwks_cache),
            "JWKS_MAX_AGE_SECONDS": str(timings.jwks_max_age),
            "ROUTES": json.dumps(routes(settings)),
            "LEGACY_KEYS": settings.told(lambda told: for_jwks(told.former_keys), "legacy_keys"),
            "PATH_PREFIX": api.path_prefix,
        },
        permissions=keys.read_jwks(),
        # It serves nothing without a seal, which the former release put on nothing.
        after=[published],
        capacity=Capacity(256, reserved_concurrency=settings.reserved_concurrency),
        timeout_seconds=5,
        bundle=bundle,
        opts=opts,
    )
    auth = Function(
        "auth",
        settings,
        names,
        role=roles.auth,
        handler="token_service.handlers.auth.handler",
        environment={**signing, "IDENTITY_PROVIDERS": _providers(settings, user_pool_provider)},
        permissions=keys.read_ring(),
        after=[keys.policy],
        timeout_seconds=15,
        bundle=bundle,
        capacity=serving,
        opts=opts,
    )
    auth_anonymous = None
    if roles.auth_anonymous is not None:
        auth_anonymous = Function(
            "auth-anonymous",
            settings,
            names,
            role=roles.auth_anonymous,
            handler="token_service.handlers.auth_anonymous.handler",
            environment={**signing, "ANONYMOUS_SUBJECT": settings.anonymous.subject},
            permissions=keys.read_ring(),
            after=[keys.policy],
            timeout_seconds=10,
            bundle=bundle,
            capacity=serving,
            opts=opts,
        )
    return Functions(jwks, auth, auth_anonymous, rotate, triggers)


def _providers(
    settings: Settings, user_pool_provider: pulumi.Output[dict[str, Any]] | None
) -> pulumi.Input[str]:
    """The identity providers as JSON, in an order of its own.

    Members come from other languages in any order, and another text is another deployment.
    """
    configured = settings.told(lambda told: told.identity_providers, "identity_providers")
    if user_pool_provider is None:
        return pulumi.Output.json_dumps(configured, sort_keys=True)
    return pulumi.Output.all(configured, user_pool_provider).apply(
        lambda both: json.dumps([*both[0], both[1]], sort_keys=True)
    )
