"""The setting `identityProviders`, read into values that the rest can rely on.

The deployment has checked the same at preview; it is checked again here, as what is accepted here
decides who gets in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from token_service.identity.provider_http import check_url
from token_service.identity.verification import ASYMMETRIC_ALGORITHMS
from token_service.reserved import PROTECTED_CLAIMS

UNMAPPABLE_CLAIMS = PROTECTED_CLAIMS | {"previous_sub"}
"""Names in our token that no identity provider's claim may take."""

_TOKEN_USES = ("id", "access")

LONGEST_SESSION_CACHE = 300
"""Seconds."""


@dataclass(frozen=True, slots=True)
class SessionCheckSettings:
    """`checkSession`; `uri` None means the provider's discovered one."""

    kind: Literal["userinfo", "cognito"]
    uri: str | None
    api_key: str | None
    cache_seconds: int


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
    check_session: SessionCheckSettings | None

    @classmethod
    def parse(cls, item: Mapping[str, object], *, allow_loopback_http: bool) -> "ProviderSettings":
        """Read one item; raises `ValueError` naming the key that is wrong."""
        reader = _Reader(dict(item), allow_loopback_http=allow_loopback_http)
        issuer = reader.url("issuer")
        if issuer is None or "?" in issuer:
            raise ValueError("issuer must be an https URL without a query")
        session = reader.values.pop("checkSession", None)
        token_use = reader.text("tokenUse")
        algorithms = reader.texts("algorithms")
        settings = cls(
            name=reader.text("name") or issuer,
            issuer=issuer,
            audiences=frozenset(reader.texts("audiences")),
            client_ids=frozenset(reader.texts("clientIds")),
            jwks_uri=reader.url("jwksUri"),
            algorithms=frozenset(algorithms) if algorithms else None,
            token_uses=(token_use,) if token_use else (None, *_TOKEN_USES),
            required_scopes=reader.texts("requiredScopes"),
            subject_claim=reader.text("subjectClaim") or "sub",
            subject_prefix=reader.text("subjectPrefix") or "",
            claims=reader.text_map("claims"),
            check_session=_parse_check_session(session, issuer, token_use, reader),
        )
        reader.finish()
        settings.check()
        return settings

    def check(self) -> None:
        """Raise `ValueError` where the values, each of the right type, make no safe whole."""
        if not self.audiences and not self.client_ids:
            raise ValueError(
                "audiences or clientIds must be given, or every token of the issuer, for whatever"
                " application, would be taken"
            )
        if refused := (self.algorithms or frozenset()) - ASYMMETRIC_ALGORITHMS:
            raise ValueError(f"algorithms: {', '.join(sorted(refused))} can never be allowed")
        if not {None, *_TOKEN_USES}.issuperset(self.token_uses):
            raise ValueError("tokenUse must be id or access")
        if not all(_is_scope(scope) for scope in self.required_scopes):
            raise ValueError("requiredScopes must be single scopes, as in RFC 6749 §3.3")
        if refused := UNMAPPABLE_CLAIMS & self.claims.keys():
            raise ValueError(f"claims: {', '.join(sorted(refused))} cannot be mapped")


def _is_scope(text: str) -> bool:
    return text.isascii() and text.isprintable() and not any(c in text for c in ' "\\')


def _parse_check_session(
    session: object, issuer: str, token_use: str | None, provider: "_Reader"
) -> SessionCheckSettings | None:
    if session is None:
        return None
    if not isinstance(session, Mapping):
        raise ValueError("checkSession must be an object")  # noqa: TRY004 - it is a setting
    reader = _Reader(dict(session), allow_loopback_http=provider.allow_loopback_http)
    kind = reader.text("kind") or "userinfo"
    uri = reader.url("userinfoUri")
    api_key = reader.text("apiKey")
    if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
        raise ValueError("checkSession.apiKey must be printable ASCII")
    cache_seconds = reader.values.pop("cacheSeconds", 0)
    if type(cache_seconds) is not int or not 0 <= cache_seconds <= LONGEST_SESSION_CACHE:
        raise ValueError(f"checkSession.cacheSeconds must be 0 to {LONGEST_SESSION_CACHE}")
    reader.finish()
    if kind == "userinfo":
        return SessionCheckSettings("userinfo", uri, api_key, cache_seconds)
    if kind != "cognito" or token_use != "access":  # noqa: S105 - a kind of token
        raise ValueError("checkSession.kind must be userinfo, or cognito with tokenUse: access")
    origin = "/".join(issuer.split("/")[:3]) + "/"
    return SessionCheckSettings("cognito", uri or origin, None, cache_seconds)


class _Reader:
    """Takes typed values out of a JSON object, so that what is left at the end is unknown."""

    def __init__(self, values: dict[str, object], *, allow_loopback_http: bool) -> None:
        self.values = values
        self.allow_loopback_http = allow_loopback_http

    def text(self, key: str) -> str | None:
        value = self.values.pop(key, None)
        if value is not None and (not isinstance(value, str) or not value):
            raise ValueError(f"{key} must be a string that is not empty")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.values.pop(key, None)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            raise ValueError(f"{key} must be a list of strings that are not empty")
        return tuple(value)

    def text_map(self, key: str) -> dict[str, str]:
        value = self.values.pop(key, None)
        if value is None:
            return {}
        if not isinstance(value, Mapping) or not all(
            isinstance(text, str) and text for pair in value.items() for text in pair
        ):
            raise ValueError(f"{key} must be an object of strings that are not empty")
        return dict(value)

    def url(self, key: str) -> str | None:
        value = self.text(key)
        if value is None:
            return None
        try:
            return check_url(value, allow_loopback_http=self.allow_loopback_http)
        except ValueError as error:
            raise ValueError(f"{key} {error}") from None

    def finish(self) -> None:
        if self.values:
            raise ValueError(f"unknown: {', '.join(sorted(map(str, self.values)))}")
