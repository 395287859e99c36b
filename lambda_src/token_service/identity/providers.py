"""Who is calling: verifies the caller's own credential by the configured identity providers."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Self

from token_service.identity import credentials
from token_service.identity.claims import claim_at, claim_fault, client_id, nearest, texts, words
from token_service.identity.credentials import (
    Credential,
    InsufficientScopeError,
    InvalidCredentialError,
    UnusableClaimsError,
)
from token_service.identity.provider_http import (
    IdentityProviderUnavailableError,
    MisconfiguredProviderError,
)
from token_service.identity.provider_keys import ProviderKeys, ProviderMetadata
from token_service.identity.provider_settings import ProviderSettings, read_providers
from token_service.identity.sessions import SessionCheck
from token_service.identity.verification import VerificationKey
from token_service.reserved import SHARED_SUBJECT, SUBJECT_PREFIX

__all__ = [
    "Caller",
    "IdentityProviderUnavailableError",
    "IdentityProviders",
    "InsufficientScopeError",
    "InvalidCredentialError",
    "MisconfiguredProviderError",
    "UnusableClaimsError",
]

STEPS = (
    *("form", "issuer", "times", "purpose", "key", "signature"),
    *("subject", "scopes", "session", "claims"),
)
"""What a credential goes through, in this order."""

LONGEST_SUBJECT = 255
"""Characters (OpenID Connect Core §2)."""

LONGEST_LOGGED = 200
"""Characters of what a stranger has written that a line of the log repeats."""


Passed = Callable[[str], None]
"""Is told each of `STEPS` that a credential has passed; what is raised is about the one after."""


def _unwatched(_step: str) -> None:
    """Nobody wants to know how far a credential comes."""


class Caller(NamedTuple):
    """A verified user: the subject, and the mapped claims for the PowerSync token.

    `anonymous` says that the identity provider itself does not know who that is.
    """

    subject: str
    claims: Mapping[str, object]
    anonymous: bool = False


class IdentityProviders:
    """The identity providers whose users may have tokens, by issuer."""

    def __init__(self, providers: Mapping[str, "_IdentityProvider"]) -> None:
        self._providers = providers

    @classmethod
    def from_settings(
        cls,
        providers: Sequence[Mapping[str, object]],
        *,
        own_issuer: str,
        clock: Callable[[], float],
        ages: Callable[[], float] | None = None,
        allow_nearby_http: bool = False,
    ) -> Self:
        """Read the setting `identityProviders`.

        `clock` gives epoch seconds, for what providers say. `ages` gives seconds that never run
        backwards, for what is cached; without it `clock` serves for both.

        Nothing is fetched yet. Raises `InvalidProviderError` for a setting that is wrong, and for a
        provider that is this service itself: a token of ours is never a login credential.
        """
        read = read_providers(providers, own_issuer=own_issuer, allow_nearby_http=allow_nearby_http)
        return cls(
            {
                settings.issuer: _IdentityProvider(
                    settings, clock, ages or clock, allow_nearby_http=allow_nearby_http
                )
                for settings in read
            }
        )

    def authenticate(self, credential: str, passed: Passed = _unwatched) -> Caller:
        """Verify a credential, the bearer token as it came, and say whose it is.

        `passed` is told how far it comes. Raises `InvalidCredentialError`,
        `InsufficientScopeError`, `UnusableClaimsError`, and `IdentityProviderUnavailableError`
        where nothing could be proven.
        """
        parsed = credentials.parse(credential)
        passed("form")
        issuer = parsed.claims.get("iss")
        provider = self._providers.get(issuer) if isinstance(issuer, str) else None
        if provider is None:
            raise InvalidCredentialError(self._unknown(issuer))
        passed("issuer")
        try:
            return provider.authenticate(parsed, passed)
        except InvalidCredentialError as error:
            raise InvalidCredentialError(f"{provider.name}: {error}") from None
        except IdentityProviderUnavailableError as error:
            raise type(error)(f"{provider.name}: {error}", error.retry_after) from error

    def _unknown(self, issuer: object) -> str:
        """What to log of an issuer that is not configured: it, and what may have been meant."""
        if not isinstance(issuer, str):
            return claim_fault("iss", issuer)
        reason = f"its issuer {ascii(issuer)[:LONGEST_LOGGED]} is not configured"
        near = nearest(issuer, self._providers)
        return f"{reason}; the nearest that is: {near}" if near else reason


class _IdentityProvider:
    """One identity provider: its settings, its keys, its sessions."""

    def __init__(
        self,
        settings: ProviderSettings,
        clock: Callable[[], float],
        ages: Callable[[], float],
        *,
        allow_nearby_http: bool,
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._clock = clock
        metadata = ProviderMetadata(settings.issuer, ages, allow_nearby_http=allow_nearby_http)
        self._keys = ProviderKeys(
            settings.name,
            lambda: settings.jwks_uri or metadata.endpoint("jwks_uri"),
            issuer=settings.issuer,
            algorithms=settings.algorithms,
            on_failure=None if settings.jwks_uri else metadata.forget,
            clock=ages,
        )
        self._session_check: SessionCheck | None = None
        if (check := settings.check_session) is not None:
            self._session_check = SessionCheck(
                check.kind,
                lambda: check.uri or metadata.endpoint("userinfo_endpoint"),
                check.api_key,
                check.cache_seconds,
                ages,
                settings.subject_claim,
            )

    def authenticate(self, credential: Credential, passed: Passed) -> Caller:
        """The caller of a credential that names this provider as its issuer."""
        # What costs nothing comes first: a token that would be refused anyway fetches no keys.
        credentials.check_times(credential.claims, self._clock())
        passed("times")
        self._check_intended_use(credential.claims)
        passed("purpose")
        key = self._key(credential)
        passed("key")
        if not key.verifies(credential):
            raise InvalidCredentialError(
                "the signature is not by this key, or not by its algorithm"
            )
        passed("signature")
        subject = self._subject(credential.claims)
        passed("subject")
        self._check_scopes(credential.claims)
        passed("scopes")
        if self._session_check is not None:
            self._session_check.require_live_session(credential)
        passed("session")
        mapped = self._mapped_claims(credential.claims)
        passed("claims")
        return Caller(subject, mapped, self._is_anonymous(credential.claims))

    def _key(self, credential: Credential) -> VerificationKey:
        """The provider's key that the credential says it is signed with."""
        allowed = self._settings.algorithms
        if allowed is not None and credential.alg not in allowed:
            raise InvalidCredentialError(f"signed with {credential.alg}, not one of its algorithms")
        if credential.kid is None:
            key = self._keys.find_only(credential.alg)
            if key is not None and not key.verifies(credential):
                # Without a kid nothing else says that the provider has taken another key.
                key = self._keys.find_only(credential.alg, instead_of=key)
            missing = "names no kid, and the identity provider has not just one key for it"
        else:
            key = self._keys.find(credential.kid)
            missing = "the identity provider has no key with this kid"
        if key is None:
            raise InvalidCredentialError(missing)
        return key

    def _check_intended_use(self, claims: Mapping[str, object]) -> None:
        """Check for whom, and as what kind of token, the credential was made (RFC 8725 §3.9)."""
        settings = self._settings
        if settings.audiences and settings.audiences.isdisjoint(texts(claims.get("aud"))):
            raise InvalidCredentialError("aud is none of the configured audiences")
        if settings.client_ids and client_id(claims) not in settings.client_ids:
            raise InvalidCredentialError("made for a client that is not configured")
        if claims.get("token_use") not in settings.token_uses:
            # Cognito's; a refresh token may be a JWT of the same issuer and client.
            raise InvalidCredentialError("token_use is not an accepted one")
        if "events" in claims:  # A security event, such as a logout token (RFC 8417 §2.2).
            raise InvalidCredentialError("a security event, not a login")
        if "cnf" in claims:
            # RFC 7800: bound to a key whose possession a bearer request does not prove.
            raise InvalidCredentialError("bound to a key of its sender")

    def _check_scopes(self, claims: Mapping[str, object]) -> None:
        required = self._settings.required_scopes
        if required:
            granted = {*words(claims.get("scope")), *words(claims.get("scp"))}
            if not granted.issuperset(required):
                raise InsufficientScopeError(" ".join(required), self.name)

    def _subject(self, claims: Mapping[str, object]) -> str:
        name = self._settings.subject_claim
        value = claim_at(claims, name)
        if not isinstance(value, str) or not value or not value.isprintable():
            raise InvalidCredentialError(claim_fault(name, value))
        subject = self._settings.subject_prefix + value
        if len(subject) > LONGEST_SUBJECT:
            raise InvalidCredentialError(f"the subject is longer than {LONGEST_SUBJECT}")
        if subject == SHARED_SUBJECT or subject.startswith(SUBJECT_PREFIX):
            raise InvalidCredentialError("the subject is reserved for anonymous users")
        return subject

    def _is_anonymous(self, claims: Mapping[str, object]) -> bool:
        when = self._settings.anonymous_when
        if when is None:
            return False
        value = claim_at(claims, when.claim)
        # True equals 1 in Python, and does not in JSON.
        return type(value) is type(when.value) and value == when.value

    def _mapped_claims(self, claims: Mapping[str, object]) -> Mapping[str, object]:
        """The claims to copy; one that this user does not have is left out."""
        mapped = {}
        for name, path in self._settings.claims.items():
            value = claim_at(claims, path)
            if value is not None:
                mapped[name] = value
        if not isinstance(mapped.get("parameters", {}), dict):
            path = self._settings.claims["parameters"]
            raise UnusableClaimsError(
                f"PowerSync takes only an object as parameters; the claim {path} that"
                " identityProviders[].claims maps to it is not one"
            )
        return mapped
