"""What a `PowerSyncAuth` is given, as Pulumi's schema of it is made from.

The types and descriptions are those of `Pulumi.yaml`, the checks those of `settings.py`. Pulumi
reads the annotations while it runs: hence no `from __future__ import annotations`.

A value that decides which resources there are has to be known when the program runs, and is `plain`
in the schema. All others may be outputs of other resources.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import pulumi


class Anonymous(TypedDict, total=False):
    """Tokens for users who have not signed in."""

    enabled: bool
    """Off by default: the route does not exist then."""
    subject: str
    """per-device, a subject for each device; or shared, one for all."""
    remember_days: int
    """Days after its issue that a device token brings its subject back."""
    former_tokens: str
    """exchange, refuse or issue: what tokens are good for that devices kept before."""


class Throttle(TypedDict):
    """Requests of all callers of a route together."""

    rate: float
    """Requests a second, lasting."""
    burst: int
    """Requests at once."""


class Throttling(TypedDict, total=False):
    """What API Gateway lets through to each kind of route."""

    jwks: Throttle
    """To the JWKS."""
    token: Throttle
    """To tokens of users."""
    anonymous: Throttle
    """To tokens without signing in."""


class _CustomDomain(TypedDict):
    name: pulumi.Input[str]
    """The domain, such as auth.example.com."""
    certificate_arn: pulumi.Input[str]
    """ARN of an ACM certificate for it, in the same region."""


class CustomDomain(_CustomDomain, total=False):
    """A domain of your own in front of the API."""

    keep_execute_api: bool
    """Whether the API answers by its AWS name as well, for a change-over."""


class _HttpApi(TypedDict):
    id: pulumi.Input[str]
    """Its id."""
    path_prefix: str
    """What the paths of this service begin with there, such as /auth."""


class HttpApi(_HttpApi, total=False):
    """An HTTP API of yours; its stage $default deploys by itself."""

    url: pulumi.Input[str]
    """Where clients reach it, where that is not its AWS name; without the path prefix."""


class LegacyKey(TypedDict):
    """A key of a former signer."""

    jwk: Mapping[str, Any]
    """Its public JWK, with kid and alg."""
    until: str
    """A day, at whose end (UTC) it leaves the JWKS, or a time with its zone."""


class PowerSyncAuthArgs(TypedDict, total=False):
    """The settings of a `PowerSyncAuth`; each has the default that `Pulumi.yaml` has for it."""

    powersync_url: pulumi.Input[str]
    """URL of the PowerSync instance, without a slash at its end. Tokens are given only when it
    is set.
    """
    audiences: pulumi.Input[Sequence[pulumi.Input[str]]]
    """The aud of the tokens; by default powersyncUrl, which PowerSync Cloud wants."""
    token_lifetime_seconds: int
    """Lifetime of a token, 60 to 86400 s."""
    signing_algorithm: str
    """ES256, ES384, ES512, EdDSA, RS256, RS384 or RS512. A change comes with the next keys."""
    verifier_cache_seconds: int
    """How long a verifier may judge by a JWKS it has fetched; PowerSync's bound is 3600 s."""
    rotation_days: int
    """Days between rotations of the signing key, 1 to 1000."""
    legacy_keys: pulumi.Input[Sequence[pulumi.Input[LegacyKey]]]
    """Public keys of a former signer, which the JWKS has beside ours for a while: jwk, and until
    when. They sign nothing here.
    """
    identity_providers: pulumi.Input[Sequence[pulumi.Input[Mapping[str, Any]]]]
    """OpenID Connect providers whose users get tokens: issuer, audiences and/or clientIds, and
    optionally name, jwksUri, algorithms, tokenUse, requiredScopes, subjectClaim, claims,
    checkSession.
    """
    create_user_pool: bool
    """Make a Cognito user pool with a client, whose users get tokens."""
    user_pool_tier: str
    """ESSENTIALS or LITE, what the created user pool can do and costs past 10,000 users a month."""
    anonymous: Anonymous
    """Tokens without signing in: enabled; subject (per-device or shared); rememberDays, for how
    long a device that was away keeps its subject; formerTokens (exchange, issue or refuse),
    what anonymous tokens are good for that devices kept before they had device tokens.
    """
    cors_origins: pulumi.Input[Sequence[pulumi.Input[str]]]
    """Origins of web apps that may call the API."""
    throttling: Throttling
    """Requests a second (rate, burst) of all callers together, for each kind of route."""
    custom_domain: CustomDomain
    """A domain of your own: name, and certificateArn of an ACM certificate in the same region.
    Set it before the first token, since it is the issuer. The API answers by its AWS name no
    more, but with keepExecuteApi, for a change-over.
    """
    http_api: HttpApi
    """An HTTP API of yours to be a part of: id, pathPrefix, and url where clients reach it by
    another name than AWS's. Its stage $default has to deploy by itself; throttling, CORS and access
    log are that stage's.
    """
    alarm_email: pulumi.Input[str]
    """Who gets an e-mail when keys do not rotate or requests fail, once they have followed the
    link in the one that AWS sends at the deployment.
    """
    alarm_topic_arn: pulumi.Input[str]
    """ARN of an SNS topic of yours, in the same region, that hears of alarms as well."""
    customer_key_arn: pulumi.Input[str]
    """ARN of a KMS key of yours, in the same region, that encrypts the key ring instead of one that
    is made; its policy has to leave to IAM who uses it. Set it before the first deployment.
    """
    log_retention_days: int
    """Days that logs are kept; a value that CloudWatch Logs takes."""
    memory_mb: int
    """Memory of the token functions in MB; their CPU grows with it."""
    snap_start: bool
    """Start the token functions from a snapshot. It is not free."""
    provisioned_concurrency: int
    """Instances of each token function that are kept warm. It is not free."""
    reserved_concurrency: int
    """Executions at once that are kept for the function jwks, whatever else the account runs; 0
    for none. AWS refuses one that leaves less than 100 to the others.
    """
    break_glass_principals: pulumi.Input[Sequence[pulumi.Input[str]]]
    """ARNs of IAM roles or users that may read the key ring in an emergency."""
    permissions_boundary: pulumi.Input[str]
    """ARN of the IAM policy that bounds what the functions' roles may do at most."""
    protect: bool
    """Refuse to delete the customer key, the key ring and the user pool."""
