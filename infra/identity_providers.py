"""The setting `identityProviders`: whose users get tokens."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic.alias_generators import to_camel

RESERVED_CLAIMS = frozenset(
    {"sub", "aud", "iss", "iat", "exp", "nbf", "jti", "kid", "role", "previous_sub"}
)
"""Claims of a PowerSync token that are ours to say; no provider's claim may take their place."""

CredentialAlgorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
"""What a caller's own credential may be signed with: asymmetric only (RFC 8725, section 3.1)."""

Text = Annotated[str, StringConstraints(min_length=1)]

ScopeToken = Annotated[str, StringConstraints(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")]
"""RFC 6749, section 3.3."""


def https_url(value: str) -> str:
    """Checks an absolute https URL without user, query and fragment."""
    parts = _split(value)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise ValueError("should be an https:// URL")
    if parts.query or parts.fragment or value != value.strip() or " " in value:
        raise ValueError("should be a URL without query, fragment and spaces")
    return value


def _local_or_https_url(value: str) -> str:
    """Checks a URL that a provider is fetched from; plain http is for this machine only."""
    parts = _split(value)
    if parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1"):
        return value
    return https_url(value)


def _split(value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"should be a URL ({error})") from error
    return parts


ProviderUrl = Annotated[str, AfterValidator(_local_or_https_url)]


class Strict(BaseModel):
    """A part of the configuration: camelCase keys, unknown ones refused, nothing coerced."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        validate_default=True,
    )


class CheckSession(Strict):
    """Asks the provider, with the caller's credential, whether the session still lives.

    Attributes:
        userinfo_uri: Answers 200 to a credential of a live session; by default the
            `userinfo_endpoint` that the provider's discovery document names.
        api_key: Sent as the header `apikey` (Supabase).
        cache_seconds: How long a yes may be remembered; 0 asks every time.
    """

    userinfo_uri: ProviderUrl | None = None
    api_key: Text | None = None
    cache_seconds: Annotated[int, Field(ge=0, le=3600)] = 0


class IdentityProvider(Strict):
    """An OpenID Connect provider.

    Attributes:
        name: For the logs.
        issuer: Compared with the credential's `iss`, character by character.
        audiences: Accepted values of `aud`.
        client_ids: Accepted values of `client_id` or `azp` (Cognito access tokens lack `aud`).
        jwks_uri: Where its keys are; discovered from the issuer by default.
        algorithms: What its credentials may be signed with; asymmetric ones by default.
        token_use: Cognito's `token_use`: `id`, `access`, or either when left out.
        required_scopes: All of them have to be in the credential's `scope`.
        subject_claim: Path of the claim that becomes our `sub`.
        claims: Name of a claim in our token → path of the claim in theirs.
        check_session: Asks the provider whether the session lives.
    """

    name: Text | None = None
    issuer: ProviderUrl
    audiences: list[Text] = Field(default_factory=list)
    client_ids: list[Text] = Field(default_factory=list)
    jwks_uri: ProviderUrl | None = None
    algorithms: Annotated[list[CredentialAlgorithm], Field(min_length=1)] | None = None
    token_use: Literal["id", "access"] | None = None
    required_scopes: list[ScopeToken] = Field(default_factory=list)
    subject_claim: Text | None = None
    claims: dict[Text, Text] = Field(default_factory=dict)
    check_session: CheckSession | None = None

    @field_validator("client_ids")
    @classmethod
    def _meant_for_us(cls, client_ids: list[str], info: ValidationInfo) -> list[str]:
        if not client_ids and info.data.get("audiences") == []:
            raise ValueError(
                "or audiences should be given: without them a token that the provider made for "
                "any other application would do"
            )
        return client_ids

    @field_validator("claims")
    @classmethod
    def _reserved_claims_stay_ours(cls, claims: dict[str, str]) -> dict[str, str]:
        taken = sorted(RESERVED_CLAIMS & claims.keys())
        if taken:
            raise ValueError(f"should not name {', '.join(taken)}: the token service sets them")
        return claims
