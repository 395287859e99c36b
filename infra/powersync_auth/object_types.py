"""Types of the settings that are objects: their members, defaults and checks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

from powersync_auth.legacy_keys import instant, public_jwk
from powersync_auth.value_types import ApiId, Certificate, Domain, PathPrefix


class Strict(BaseModel):
    """A part of the configuration: camelCase keys, unknown ones refused, nothing coerced."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        validate_default=True,
    )


class Anonymous(Strict):
    """Tokens for users who have not signed in.

    Attributes:
        enabled: Off by default: the route does not exist then.
        subject: `per-device`, a subject for each device; or `shared`, one for all.
        remember_days: For how long after its issue a device token brings its subject back.
        former_tokens: What anonymous PowerSync tokens, which devices kept before they had a token
            of their own, are good for: `exchange` takes those of a former release for
            `remember_days` after their issue, `refuse` takes none, and `issue` also gives them
            out, for apps that do not know device tokens yet.
    """

    enabled: bool = False
    subject: Literal["per-device", "shared"] = "per-device"
    remember_days: Annotated[int, Field(ge=1, le=365)] = 30
    former_tokens: Literal["exchange", "issue", "refuse"] = "exchange"


class Throttle(Strict):
    """Requests a second, lasting and at once, of all callers of a route together."""

    rate: Annotated[float, Field(gt=0, le=10_000, strict=False)]
    burst: Annotated[int, Field(ge=1, le=5_000)]


class Throttling(Strict):
    """What API Gateway lets through to each kind of route."""

    jwks: Throttle = Throttle(rate=50, burst=100)
    token: Throttle = Throttle(rate=100, burst=200)
    anonymous: Throttle = Throttle(rate=20, burst=40)


class CustomDomain(Strict):
    """A domain of your own in front of the API; `certificateArn` is of ACM, in the same region.

    Attributes:
        keep_execute_api: Whether the API answers by its AWS name as well, so that whatever stands
            in front of the domain can be gone around: for the time of a change-over.
    """

    name: Domain
    certificate_arn: Certificate
    keep_execute_api: bool = False


class SharedApi(Strict):
    """An HTTP API of yours, whose stage `$default` deploys by itself.

    Attributes:
        id: Its id.
        path_prefix: What our paths begin with, such as `/auth`.
        url: Where clients reach it, where that is not its AWS name; without `path_prefix`.
    """

    id: ApiId
    path_prefix: PathPrefix
    url: str = ""

    @field_validator("url")
    @classmethod
    def _is_base(cls, value: str) -> str:
        if value and (not value.startswith("https://") or value.endswith("/")):
            raise ValueError("should be an https:// URL without a slash at its end")
        return value


def _instant(until: str) -> str:
    instant(until)
    return until


class LegacyKey(Strict):
    """A key of a former signer: its public JWK, published until the end of a day or a time."""

    jwk: Annotated[dict[str, Any], AfterValidator(public_jwk)]
    until: Annotated[str, AfterValidator(_instant)]
