"""What an identity provider may be: the rules of the setting `identityProviders`.

This is their one home. The function reads its environment with them, as what is accepted here
decides who gets in; the Pulumi program asks them at preview, so that a mistake is found before
anything is deployed. Only the standard library and modules like this one are imported, as the
program has none of the function's packages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from token_service.identity.algorithms import ASYMMETRIC_ALGORITHMS
from token_service.identity.settings_reader import InvalidProviderError, Reader, either
from token_service.reserved import PREVIOUS_USER_CLAIMS, PROTECTED_CLAIMS

UNMAPPABLE_CLAIMS = PROTECTED_CLAIMS | PREVIOUS_USER_CLAIMS
"""Names in our token that no identity provider's claim may take."""

LONGEST_SESSION_CACHE = 300
"""Seconds."""

_TOKEN_USES = ("id", "access")

_ENTRA_GROUPS = frozenset({"common", "organizations", "consumers", "{tenantid}"})
"""Names that Entra has for many tenants at once. Its tokens name the one tenant they are from."""


@dataclass(frozen=True, slots=True)
class SessionCheckSettings:
    """`checkSession`; `uri` None means the provider's discovered one."""

    kind: Literal["userinfo", "cognito"]
    uri: str | None
    api_key: str | None
    cache_seconds: int


@dataclass(frozen=True, slots=True)
class AnonymousUsers:
    """`anonymousWhen`: users who have not really signed in have `value` at this path of claims."""

    claim: str
    value: str | int | bool


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """One item of `identityProviders`; None or empty where something is not asked for."""

    name: str
    issuer: str
    audiences: frozenset[str]
    client_ids: frozenset[str]
    jwks_uri: str | None
    algorithms: frozenset[str] | None
    token_uses: tuple[str | None, ...]
    required_scopes: tuple[str, ...]
    subject_claim: str
    subject_prefix: str
    claims: Mapping[str, str]
    anonymous_when: AnonymousUsers | None
    check_session: SessionCheckSettings | None

    @classmethod
    def parse(cls, item: object, *, allow_nearby_http: bool) -> "ProviderSettings":
        """Read one item; raises `InvalidProviderError` with all that is wrong with it."""
        reader = Reader(item, allow_nearby_http=allow_nearby_http)
        jwks_uri = reader.url("jwksUri")
        issuer = _read_issuer(reader, discovered=jwks_uri is None)
        token_use = reader.one_of("tokenUse", _TOKEN_USES)
        algorithms = reader.texts("algorithms", _check_algorithm, least=1)
        any_audience = reader.flag("anyAudience")
        settings = cls(
            name=reader.text("name") or issuer,
            issuer=issuer,
            audiences=frozenset(reader.texts("audiences")),
            client_ids=frozenset(reader.texts("clientIds")),
            jwks_uri=jwks_uri,
            algorithms=frozenset(algorithms) if algorithms else None,
            token_uses=(token_use,) if token_use else (None, *_TOKEN_USES),
            required_scopes=reader.texts("requiredScopes", _check_scope),
            subject_claim=reader.text("subjectClaim") or "sub",
            subject_prefix=reader.text("subjectPrefix") or "",
            claims=_read_claims(reader),
            anonymous_when=_read_anonymous_when(reader),
            check_session=_read_check_session(reader, issuer, token_use),
        )
        meant = reader.finish()
        _check_meant_for_us(settings, reader, meant, any_audience=any_audience)
        if reader.mistakes:
            raise InvalidProviderError(reader.mistakes)
        return settings


def read_providers(
    items: Sequence[object], *, own_issuer: str | None, allow_nearby_http: bool
) -> list[ProviderSettings]:
    """Read the setting `identityProviders`.

    `own_issuer` is that of this service, where it is known already: a token of ours is never a
    login credential. Raises `InvalidProviderError` with all that is wrong, each under a path such
    as `[0].issuer`.
    """
    providers: list[ProviderSettings] = []
    mistakes: list[tuple[str, str]] = []
    for index, item in enumerate(items):
        try:
            providers.append(ProviderSettings.parse(item, allow_nearby_http=allow_nearby_http))
        except InvalidProviderError as error:
            mistakes += [(f"[{index}]{path}", message) for path, message in error.mistakes]
    issuers = [provider.issuer for provider in providers]
    for issuer in dict.fromkeys(issuers):
        if issuers.count(issuer) > 1:
            mistakes.append(("", f"should name the issuer {issuer} once"))
        if own_issuer is not None and issuer.rstrip("/") == own_issuer.rstrip("/"):
            itself = "it is this service itself, and no token of ours is a login credential"
            mistakes.append(("", f"should not name the issuer {issuer}: {itself}"))
    if mistakes:
        raise InvalidProviderError(mistakes)
    return providers


def _read_issuer(reader: Reader, *, discovered: bool) -> str:
    """The issuer: the URL of a provider, or any text where nothing has to be found at it.

    RFC 7519 §4.1.1 takes any string; some providers say `acme.com` or a project's id.
    """
    issuer = reader.url("issuer", allow_query=False) if discovered else reader.text("issuer")
    if issuer is None:
        if not reader.is_wrong("issuer"):
            reader.wrong("issuer", "is missing")
        return ""
    if not issuer.isprintable() or issuer != issuer.strip():
        reader.wrong("issuer", "should be printable, without spaces around it")
    host, tenant = (issuer.casefold().split("/") + [""] * 4)[2:4]
    if host.startswith("login.") and "microsoftonline" in host and tenant in _ENTRA_GROUPS:
        reader.wrong(
            "issuer",
            "should have the id of one tenant: Entra's tokens never name common, organizations or"
            " consumers as their issuer, so it would match nothing",
        )
    return issuer


def _check_algorithm(name: str) -> None:
    if name not in ASYMMETRIC_ALGORITHMS:
        raise ValueError(f"should be {either(ASYMMETRIC_ALGORITHMS)}")


def _check_scope(scope: str) -> None:
    """RFC 6749 §3.3."""
    if not (scope.isascii() and scope.isprintable()) or any(c in scope for c in ' "\\'):
        raise ValueError("should be a single scope, as in RFC 6749 section 3.3")


def _read_claims(reader: Reader) -> Mapping[str, str]:
    claims = reader.text_map("claims")
    if taken := sorted(UNMAPPABLE_CLAIMS & claims.keys()):
        reader.wrong("claims", f"should not name {', '.join(taken)}: the token service sets them")
    return claims


def _read_anonymous_when(reader: Reader) -> AnonymousUsers | None:
    section = reader.section("anonymousWhen")
    if section is None:
        return None
    claim = section.text("claim")
    value = section.scalar("value")
    for key, found in (("claim", claim), ("value", value)):
        if found is None and not section.is_wrong(key):
            section.wrong(key, "is missing")
    section.finish()
    return AnonymousUsers(claim or "", "" if value is None else value)


def _read_check_session(
    reader: Reader, issuer: str, token_use: str | None
) -> SessionCheckSettings | None:
    section = reader.section("checkSession")
    if section is None:
        return None
    kind = section.one_of("kind", ("userinfo", "cognito")) or "userinfo"
    uri = section.url("userinfoUri")
    api_key = section.text("apiKey")
    if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
        section.wrong("apiKey", "should be printable ASCII")
    cache_seconds = section.number("cacheSeconds", LONGEST_SESSION_CACHE)
    section.finish()
    if uri is None and not issuer.startswith(("https://", "http://")) and not reader.mistakes:
        section.wrong("userinfoUri", "should be given: no issuer's URL leads to it")
    if kind == "userinfo":
        return SessionCheckSettings("userinfo", uri, api_key, cache_seconds)
    if token_use != "access":  # noqa: S105 - a kind of token
        reader.wrong("checkSession", "of kind cognito should come with tokenUse access")
    origin = "/".join(issuer.split("/")[:3]) + "/"
    return SessionCheckSettings("cognito", uri or origin, None, cache_seconds)


def _check_meant_for_us(
    settings: ProviderSettings, reader: Reader, meant: frozenset[str], *, any_audience: bool
) -> None:
    """Somebody has to be named whom tokens are made for, or nobody, and that out loud."""
    named = settings.audiences or settings.client_ids
    if any_audience and named:
        reader.wrong("anyAudience", "should stand without audiences and clientIds: they say whose")
    if any_audience or named or meant & {"audiences", "clientIds", "anyAudience"}:
        return
    if not reader.is_wrong("audiences") and not reader.is_wrong("clientIds"):
        reader.wrong(
            "clientIds",
            "or audiences should be given: without them a token that the provider made for any"
            " other application would do",
        )
