"""Every configuration key: its type, default and check. `Pulumi.yaml` lists the same keys.

`configuration.py` reads them, and reports all mistakes together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar

import pulumi
from pydantic import Field, PrivateAttr, ValidationInfo, field_validator

from powersync_auth.bundle import is_local
from powersync_auth.identity_providers import check_providers, plain_url
from powersync_auth.legacy_keys import check_together, instant
from powersync_auth.object_types import (
    Anonymous,
    CustomDomain,
    LegacyKey,
    SharedApi,
    Strict,
    Throttling,
)
from powersync_auth.regions import has_user_pools
from powersync_auth.timings import DAY, ROTATION_WINDOW_HOURS, Timings
from powersync_auth.value_types import (
    Boundary,
    CustomerKey,
    Email,
    Origin,
    Principal,
    Text,
    Topic,
    region_of,
)

LONGEST_TOKEN_LIFETIME = DAY
"""PowerSync refuses a token that lives longer (its error PSYNC_S2104)."""

SHORTEST_TOKEN_LIFETIME = 60
"""PowerSync's clients ask for a new token when less than 30 s are left."""

LOG_RETENTION_DAYS = frozenset(
    {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922}
    | {3288, 3653}
)
"""The values that CloudWatch Logs takes (PutRetentionPolicy)."""


Told = TypeVar("Told")


class Settings(Strict):
    """The configuration of a stack; every field is a key of the namespace `powersync-auth`.

    A field that is compared with others stands after them: pydantic checks in this order.
    """

    powersync_url: str = ""
    audiences: list[Text] = Field(default_factory=list)
    token_lifetime_seconds: Annotated[
        int, Field(ge=SHORTEST_TOKEN_LIFETIME, le=LONGEST_TOKEN_LIFETIME)
    ] = 300
    signing_algorithm: Literal["ES256", "ES384", "ES512", "EdDSA", "RS256", "RS384", "RS512"] = (
        "ES256"
    )
    verifier_cache_seconds: Annotated[int, Field(ge=1, le=DAY)] = 3_600
    rotation_days: Annotated[int, Field(ge=1, le=1_000)] = 30
    legacy_keys: list[LegacyKey] = Field(default_factory=list)
    custom_domain: CustomDomain | None = None
    http_api: SharedApi | None = None
    identity_providers: list[Any] = Field(default_factory=list)
    create_user_pool: bool = False
    user_pool_tier: Literal["ESSENTIALS", "LITE"] = "ESSENTIALS"
    anonymous: Anonymous = Anonymous()
    cors_origins: list[Origin] = Field(default_factory=list)
    throttling: Throttling = Throttling()
    alarm_email: Email = ""
    alarm_topic_arn: Topic = ""
    customer_key_arn: CustomerKey = ""
    log_retention_days: int = 30
    memory_mb: Annotated[int, Field(ge=128, le=10_240)] = 1_024
    snap_start: bool = False
    provisioned_concurrency: Annotated[int, Field(ge=0, le=1_000)] = 0
    reserved_concurrency: Annotated[int, Field(ge=0, le=1_000)] = 0
    break_glass_principals: list[Principal] = Field(default_factory=list)
    permissions_boundary: Boundary = ""
    protect: bool = True

    _later: pulumi.Output[Settings] | None = PrivateAttr(default=None)
    _late: Mapping[str, pulumi.Output[Any]] = PrivateAttr(default_factory=dict)

    def told(self, tell: Callable[[Settings], Told], *of: str) -> pulumi.Input[Told]:
        """What follows from values that may be outputs of other resources.

        Args:
            tell: Is given the settings with the values that the deployment found, which may be
                after this program has run.
            of: Which settings it looks at; all by default. Where one is secret, what is told is as
                well.
        """
        late = [self._late[name] for name in of or self._late if name in self._late]
        if self._later is None or not late:
            return tell(self)
        return pulumi.Output.all(self._later, *late).apply(lambda all_: tell(all_[0]))

    def wait_for(
        self, later: pulumi.Output[Settings], late: Mapping[str, pulumi.Output[Any]]
    ) -> None:
        """Has `told` wait for `later`, which has other values where these have stand-ins.

        Args:
            later: All settings, once everything is known.
            late: The single values, by the names of their fields.
        """
        self._later = pulumi.Output.unsecret(later)
        self._late = late

    @property
    def timings(self) -> Timings:
        """All durations that follow from the settings."""
        return Timings.derive(self.verifier_cache_seconds, self.token_lifetime_seconds)

    @property
    def token_audiences(self) -> list[str]:
        """The `aud` of our tokens; empty as long as PowerSync's URL is not known either."""
        return self.audiences or ([self.powersync_url] if self.powersync_url else [])

    @property
    def former_keys(self) -> list[tuple[dict[str, str], int]]:
        """The keys of former signers as they are published, each with its end in epoch seconds."""
        return [(key.jwk, instant(key.until)) for key in self.legacy_keys]

    @property
    def anonymous_remember_seconds(self) -> int:
        """For how long a device token is good for keeping its subject; 0 for never."""
        remembers = self.anonymous.enabled and self.anonymous.subject == "per-device"
        return self.anonymous.remember_days * DAY if remembers else 0

    @property
    def remember_retired_seconds(self) -> int:
        """For how long the public half of a retired key is kept to verify device tokens.

        A token function may sign with it for `keyring_max_age` after the others have stopped.
        """
        remembered = self.anonymous_remember_seconds
        return remembered + self.timings.keyring_max_age if remembered else 0

    @field_validator("powersync_url")
    @classmethod
    def _is_instance_url(cls, value: str) -> str:
        if not value:
            return value
        try:
            plain_url(value)
        except ValueError:
            raise ValueError(
                "should be the URL of the PowerSync instance, https:// (http:// for localhost,"
                " and in the local stack for what is near: 192.168.1.5, powersync, my-laptop.local)"
            ) from None
        if value.endswith("/"):
            raise ValueError("should not end with a slash: it is compared as text, as an audience")
        return value

    @field_validator("rotation_days")
    @classmethod
    def _keys_are_known_before_they_sign(cls, days: int, info: ValidationInfo) -> int:
        if {"verifier_cache_seconds", "token_lifetime_seconds"} <= info.data.keys():
            wait = Timings.derive(
                info.data["verifier_cache_seconds"], info.data["token_lifetime_seconds"]
            ).publish_before_signing
            window = ROTATION_WINDOW_HOURS * 3_600
            if days * DAY - window < wait:
                raise ValueError(
                    f"should be at least {math.ceil((wait + window) / DAY)}: two scheduled "
                    f"rotations may be {window} s closer together than that many days, and a key "
                    f"is published for {wait} s before it signs (it follows from "
                    "verifierCacheSeconds)"
                )
        return days

    @field_validator("legacy_keys")
    @classmethod
    def _have_room(cls, keys: list[LegacyKey]) -> list[LegacyKey]:
        check_together([(key.jwk, instant(key.until)) for key in keys])
        return keys

    @field_validator("create_user_pool")
    @classmethod
    def _has_user_pools(cls, wanted: bool, info: ValidationInfo) -> bool:
        region = region_of(info)
        if wanted and region and not has_user_pools(region):
            raise ValueError(
                f"should be false: Cognito has no user pools in {region}; name a provider of your "
                "own in identityProviders"
            )
        return wanted

    @field_validator("identity_providers")
    @classmethod
    def _are_providers(cls, providers: list[Any], info: ValidationInfo) -> list[Any]:
        domain = info.data.get("custom_domain")
        check_providers(providers, own_issuer=f"https://{domain.name}" if domain else None)
        return providers

    @field_validator("custom_domain")
    @classmethod
    def _is_no_audience(
        cls, domain: CustomDomain | None, info: ValidationInfo
    ) -> CustomDomain | None:
        """A device token, whose audience is this service, shall be none for PowerSync."""
        audiences = info.data.get("audiences") or [info.data.get("powersync_url")]
        if domain is not None and f"https://{domain.name}" in audiences:
            raise ValueError(
                f"should not be among the audiences, as https://{domain.name} is: it is this"
                " service itself, and the tokens are for PowerSync"
            )
        return domain

    @field_validator("http_api")
    @classmethod
    def _is_the_only_address(cls, api: SharedApi | None, info: ValidationInfo) -> SharedApi | None:
        if api is not None and info.data.get("custom_domain") is not None:
            raise ValueError("should not be given beside customDomain: its domain is yours, too")
        if api is not None and is_local():
            raise ValueError("should not be given in the local stack, which has an API of its own")
        return api

    @field_validator("log_retention_days")
    @classmethod
    def _is_retention(cls, days: int) -> int:
        if days not in LOG_RETENTION_DAYS:
            allowed = ", ".join(map(str, sorted(LOG_RETENTION_DAYS)))
            raise ValueError(f"should be one of {allowed}: CloudWatch Logs takes no other")
        return days

    @field_validator("provisioned_concurrency")
    @classmethod
    def _not_with_snap_start(cls, value: int, info: ValidationInfo) -> int:
        if value and info.data.get("snap_start"):
            raise ValueError("should be 0 with snapStart: Lambda takes one or the other")
        return value
