"""What the functions that sign are told, and how much of it Lambda takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pulumi

if TYPE_CHECKING:
    from collections.abc import Mapping

    from powersync_auth.naming import Names
    from powersync_auth.settings import Settings

LIMIT = 4_096
"""Bytes that all environment variables of a function may have together."""

_LONGEST_REGION = "us-isof-south-1"
_LONGEST_SUFFIX = "amazonaws.com.cn"


def of_signing(
    settings: Settings,
    *,
    secret_arn: pulumi.Input[str],
    issuer: pulumi.Input[str],
    dns_suffix: pulumi.Input[str],
) -> dict[str, pulumi.Input[str]]:
    """The variables of each function that gives tokens.

    Args:
        settings: The stack's configuration.
        secret_arn: The key ring.
        issuer: `iss` of our tokens: the URL of the API.
        dns_suffix: What AWS's endpoints end with.
    """
    timings = settings.timings
    return {
        "DNS_SUFFIX": dns_suffix,
        "KEYRING_SECRET_ARN": secret_arn,
        "KEYRING_CACHE_SECONDS": str(timings.keyring_cache),
        "KEYRING_MAX_AGE_SECONDS": str(timings.keyring_max_age),
        "TOKEN_LIFETIME_SECONDS": str(settings.token_lifetime_seconds),
        "ISSUER": issuer,
        "AUDIENCES": settings.told(
            lambda told: json.dumps(told.token_audiences), "audiences", "powersync_url"
        ),
        "PATH_PREFIX": settings.http_api.path_prefix if settings.http_api else "",
        "POWERSYNC_URL": settings.told(lambda told: told.powersync_url, "powersync_url"),
        "ANONYMOUS_REMEMBER_SECONDS": str(settings.anonymous_remember_seconds),
        "ANONYMOUS_FORMER_TOKENS": settings.anonymous.former_tokens,
    }


def pool_as_provider(endpoint: str, client_id: str) -> dict[str, Any]:
    """A created user pool as an item of `identityProviders`."""
    return {
        "name": "user-pool",
        "issuer": f"https://{endpoint}",
        "clientIds": [client_id],
        "jwksUri": f"https://{endpoint}/.well-known/jwks.json",
    }


def measured(variables: Mapping[str, pulumi.Input[str]]) -> int:
    """The bytes that Lambda counts, which are those of the variables as a JSON object.

    So a quotation mark in a value is two, and JSON in a value is longer than it looks. (The error
    of UpdateFunctionConfiguration shows the text: "String measured: {…}".)
    """
    text = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    return len(text.encode())


def longest(
    settings: Settings, names: Names, region: str | None
) -> dict[str, dict[str, pulumi.Input[str]]]:
    """The environments that the configuration lengthens, by function.

    What AWS names only during the deployment is as long as it can get: so whether an environment
    fits is known at the first preview, to some bytes.

    Args:
        settings: The configuration.
        names: What things are called.
        region: Where the functions will be, if it is known.
    """
    region = region or _LONGEST_REGION
    secret = f"{names.physical('key-ring')}-{26 * 'x'}-{6 * 'x'}"
    domain = settings.custom_domain
    endpoint = f"{10 * 'x'}.execute-api.{region}.{_LONGEST_SUFFIX}"
    signing = of_signing(
        settings,
        secret_arn=f"arn:aws-us-gov:secretsmanager:{region}:{12 * '0'}:secret:{secret}",
        issuer=f"https://{domain.name if domain else endpoint}",
        dns_suffix=_LONGEST_SUFFIX,
    )
    providers = list(settings.identity_providers)
    if settings.create_user_pool:
        pool = f"cognito-idp.{region}.{_LONGEST_SUFFIX}/{region}_{9 * 'x'}"
        providers.append(pool_as_provider(pool, 26 * "x"))
    return {
        "auth": {**signing, "IDENTITY_PROVIDERS": json.dumps(providers, sort_keys=True)},
        "auth-anonymous": {**signing, "ANONYMOUS_SUBJECT": settings.anonymous.subject},
    }
