"""The setting `identityProviders`: whose users get tokens."""

from __future__ import annotations

import os
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

from bundle import LOCAL, TARGET_VARIABLE

RESERVED_CLAIMS = frozenset(
    {"sub", "aud", "iss", "iat", "exp", "nbf", "jti", "kid", "role", "previous_sub"}
)
"""Claims of a PowerSync token that are ours to say; no provider's claim may take their place."""

CredentialAlgorithm = Literal[
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
]
"""What a caller's own credential may be signed with: asymmetric only (RFC 8725, section 3.1)."""

Text = Annotated[str, StringConstraints(min_length=1)]

ScopeToken = Annotated[str, StringConstraints(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")]
"""RFC 6749, section 3.3."""


def _https_url(value: str) -> str:
    """Checks an absolute https URL without user, query and fragment."""
    parts = _split(value)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise ValueError("should be an https:// URL")
    if parts.query or parts.fragment:
        raise ValueError("should be a URL without query and fragment")
    return value


def plain_url(value: str) -> str:
    """Checks a URL without user, query and fragment: https, or http for this machine.

    Raises:
        ValueError: Says what it should be.
    """
    return value if _on_this_machine(value) else _https_url(value)


def _issuer_url(value: str) -> str:
    """Checks an issuer; plain http only for a provider beside the local stack."""
    return value if _beside_local_stack(value) else _https_url(value)


def _fetched_url(value: str) -> str:
    """Checks a URL that is fetched; some providers tell their keys apart by a query."""
    if not _beside_local_stack(value):
        _https_url(value.partition("?")[0])
    if "#" in value:
        raise ValueError("should be a URL without fragment")
    return value


def _on_this_machine(value: str) -> bool:
    parts = _split(value)
    return parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}


def _beside_local_stack(value: str) -> bool:
    """In AWS the function would refuse plain http at its start, so the preview does already."""
    return _on_this_machine(value) and os.environ.get(TARGET_VARIABLE) == LOCAL.name


def _split(value: str) -> SplitResult:
    if not value.isascii() or not value.isprintable() or any(c in value for c in ' "<>\\^`{|}'):
        raise ValueError("should be a URL without spaces and other characters that URLs lack")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"should be a URL ({error})") from error
    return parts


IssuerUrl = Annotated[str, AfterValidator(_issuer_url)]
FetchedUrl = Annotated[str, AfterValidator(_fetched_url)]
HeaderText = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]+$")]


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
        kind: `userinfo`, as OpenID Connect has it; or `cognito`, which knows about a global
            sign-out only through its own `GetUser` (with `tokenUse: access`).
        userinfo_uri: Answers 200 to a credential of a live session; by default the
            `userinfo_endpoint` that the provider's discovery document names.
        api_key: Sent as the header `apikey` (Supabase).
        cache_seconds: How long a yes may be remembered; 0 asks every time.
    """

    kind: Literal["userinfo", "cognito"] = "userinfo"
    userinfo_uri: FetchedUrl | None = None
    api_key: HeaderText | None = None
    cache_seconds: Annotated[int, Field(ge=0, le=300)] = 0


class IdentityProvider(Strict):
    """An OpenID Connect provider.

    Attributes:
        name: For the logs.
        issuer: Compared with the credential's `iss`, character by character.
        audiences: Accepted values of `aud`.
        client_ids: Accepted clients: values of `client_id` or `azp`, or of a lone `aud` (Cognito's
            access tokens have no `aud`, its id tokens nothing else). With audiences, both count.
        jwks_uri: Where its keys are; discovered from the issuer by default.
        algorithms: What its credentials may be signed with; asymmetric ones by default.
        token_use: Cognito's `token_use`: `id`, `access`, or either when left out.
        required_scopes: All of them have to be in the credential's `scope`.
        subject_claim: Path of the claim that becomes our `sub`.
        subject_prefix: Put before it, where two providers may have the same subjects.
        claims: Name of a claim in our token → path of the claim in theirs.
        check_session: Asks the provider whether the session lives.
    """

    name: Text | None = None
    issuer: IssuerUrl
    audiences: list[Text] = Field(default_factory=list)
    client_ids: list[Text] = Field(default_factory=list)
    jwks_uri: FetchedUrl | None = None
    algorithms: Annotated[list[CredentialAlgorithm], Field(min_length=1)] | None = None
    token_use: Literal["id", "access"] | None = None
    required_scopes: list[ScopeToken] = Field(default_factory=list)
    subject_claim: Text | None = None
    subject_prefix: Text | None = None
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

    @field_validator("check_session")
    @classmethod
    def _cognito_wants_access_tokens(
        cls, session: CheckSession | None, info: ValidationInfo
    ) -> CheckSession | None:
        cognito = session is not None and session.kind == "cognito"
        if cognito and info.data.get("token_use", "access") != "access":
            raise ValueError("of kind cognito should come with tokenUse access")
        return session

    @field_validator("claims")
    @classmethod
    def _reserved_claims_stay_ours(cls, claims: dict[str, str]) -> dict[str, str]:
        taken = sorted(RESERVED_CLAIMS & claims.keys())
        if taken:
            raise ValueError(f"should not name {', '.join(taken)}: the token service sets them")
        return claims
