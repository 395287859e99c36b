"""What a function is told by its environment, which `infra/functions.py` sets.

Every variable is required: a missing one is a mistake of the deployment, not a default. But for
those that this release adds: its code runs for some seconds without them while the previous release
is deployed again.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Environment = Mapping[str, str]


def path_prefix(env: Environment) -> str:
    """What the API has before our paths, such as `/auth`; nothing in an API of our own."""
    return env.get("PATH_PREFIX", "")


class JwksSettings(NamedTuple):
    """Settings of the JWKS function; `routes` maps each public path to its allowed methods.

    Paths are those after `path_prefix`.
    `legacy_keys` are those of former signers: `jwk` and `until`, in epoch seconds.
    `seal_key_arn` is None in an environment of the release that had no seals.
    """

    parameter: str
    cache_seconds: int
    max_age_seconds: int
    routes: Mapping[str, str]
    legacy_keys: Sequence[Mapping[str, Any]] = ()
    seal_key_arn: str | None = None
    path_prefix: str = ""

    @classmethod
    def from_environment(cls, env: Environment) -> "JwksSettings":
        """Raises `KeyError` naming a variable that is not set."""
        return cls(
            parameter=env["JWKS_PARAMETER"],
            cache_seconds=int(env["JWKS_CACHE_SECONDS"]),
            max_age_seconds=int(env["JWKS_MAX_AGE_SECONDS"]),
            routes=json.loads(env["ROUTES"]),
            legacy_keys=json.loads(env.get("LEGACY_KEYS", "[]")),
            seal_key_arn=env.get("SEAL_KEY_ARN"),
            path_prefix=path_prefix(env),
        )


class TokenSettings(NamedTuple):
    """What both token functions need."""

    secret_arn: str
    keyring_cache_seconds: int
    keyring_max_age_seconds: int
    token_lifetime_seconds: int
    issuer: str
    audiences: tuple[str, ...]
    powersync_url: str
    anonymous_remember_seconds: int
    anonymous_former_tokens: str

    @classmethod
    def from_environment(cls, env: Environment) -> "TokenSettings":
        """Raises `KeyError` naming a variable that is not set."""
        return cls(
            secret_arn=env["KEYRING_SECRET_ARN"],
            keyring_cache_seconds=int(env["KEYRING_CACHE_SECONDS"]),
            keyring_max_age_seconds=int(env["KEYRING_MAX_AGE_SECONDS"]),
            token_lifetime_seconds=int(env["TOKEN_LIFETIME_SECONDS"]),
            issuer=env["ISSUER"],
            audiences=tuple(json.loads(env["AUDIENCES"])),
            powersync_url=env["POWERSYNC_URL"],
            anonymous_remember_seconds=int(env["ANONYMOUS_REMEMBER_SECONDS"]),
            anonymous_former_tokens=env.get("ANONYMOUS_FORMER_TOKENS", "exchange"),
        )


def identity_providers(env: Environment) -> list[Mapping[str, object]]:
    """The providers whose users get tokens, as configured."""
    providers: list[Mapping[str, object]] = json.loads(env["IDENTITY_PROVIDERS"])
    return providers


def allow_nearby_http(env: Environment) -> bool:
    """Whether identity providers nearby may be asked without TLS: set by the local stack only."""
    return env.get("ALLOW_NEARBY_HTTP") == "1"


def anonymous_subject(env: Environment) -> str:
    """`per-device` or `shared`."""
    return env["ANONYMOUS_SUBJECT"]


class RotationSettings(NamedTuple):
    """Settings of the rotate function; durations in seconds, but `rotation_days`.

    `parameter_tags` are those of the JWKS parameter, for when it has to be made anew. `legacy_keys`
    are those of former signers, to be shown: `kid`, `alg`, and `until` in epoch seconds.
    `seal_key_arn` is None in an environment of the release that had no seals. `jwks_reached` is
    where a bootstrap may look for the JWKS; None in one of the release that did not say.
    """

    secret_arn: str
    parameter: str
    signing_algorithm: str
    publish_before_signing: int
    retain_after_signing: int
    remember_retired: int
    verifier_cache: int
    jwks_max_age: int
    rotation_days: int
    parameter_tags: Mapping[str, str] = {}
    legacy_keys: Sequence[Mapping[str, Any]] = ()
    seal_key_arn: str | None = None
    jwks_reached: Mapping[str, str] | None = None

    @classmethod
    def from_environment(cls, env: Environment) -> "RotationSettings":
        """Raises `KeyError` naming a variable that is not set."""
        return cls(
            secret_arn=env["KEYRING_SECRET_ARN"],
            parameter=env["JWKS_PARAMETER"],
            signing_algorithm=env["SIGNING_ALGORITHM"],
            publish_before_signing=int(env["PUBLISH_BEFORE_SIGNING_SECONDS"]),
            retain_after_signing=int(env["RETAIN_AFTER_SIGNING_SECONDS"]),
            remember_retired=int(env["ANONYMOUS_REMEMBER_SECONDS"]),
            verifier_cache=int(env["VERIFIER_CACHE_SECONDS"]),
            jwks_max_age=int(env["JWKS_MAX_AGE_SECONDS"]),
            rotation_days=int(env["ROTATION_DAYS"]),
            parameter_tags=json.loads(env.get("JWKS_PARAMETER_TAGS", "{}")),
            legacy_keys=json.loads(env.get("LEGACY_KEYS", "[]")),
            seal_key_arn=env.get("SEAL_KEY_ARN"),
            jwks_reached=json.loads(env.get("JWKS_REACHED", "null")),
        )
