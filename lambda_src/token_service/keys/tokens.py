"""PowerSync tokens: their claims, and how they are put together (RFC 7515, RFC 7519)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pydantic_core import PydanticSerializationError, to_json

from token_service.keys.jwk import compact_json
from token_service.keys.signer import Signer
from token_service.reserved import PROTECTED_CLAIMS

LARGEST_TOKEN = 6144
"""Bytes. PowerSync takes the token in a header; proxies in between commonly stop at 8 KiB."""


class TokenTooLargeError(Exception):
    """The configured claims make a token that would not fit into a header."""


class Token(NamedTuple):
    """A signed token, `expires_at` in epoch seconds."""

    encoded: str
    subject: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """What every token of this deployment has in common; the lifetime is in seconds."""

    issuer: str
    audiences: Sequence[str]
    lifetime: int

    def issue(
        self,
        signer: Signer,
        *,
        subject: str,
        role: str,
        now: float,
        claims: Mapping[str, object],
        token_id: str | None = None,
    ) -> Token:
        """Sign a token for `subject` that is valid from `now` (epoch seconds).

        `claims` are mapped ones; those of `PROTECTED_CLAIMS` cannot be set through them;
        `token_id` is the `jti`, if there shall be one. PowerSync wants `sub`, `iat`, `exp` and
        `aud`, reads all others at top level, and refuses a lifetime above 86,400 s. Raises
        `TokenTooLargeError`.
        """
        issued_at = int(now)
        expires_at = issued_at + self.lifetime
        payload = {
            **{name: value for name, value in claims.items() if name not in PROTECTED_CLAIMS},
            "sub": subject,
            "aud": self.audiences[0] if len(self.audiences) == 1 else list(self.audiences),
            "iss": self.issuer,
            "iat": issued_at,
            "exp": expires_at,
            "role": role,
        }
        if token_id is not None:
            payload["jti"] = token_id
        encoded = signer.compact(_json(payload))
        if len(encoded) > LARGEST_TOKEN:
            raise TokenTooLargeError(
                f"the token of {len(encoded)} bytes is larger than {LARGEST_TOKEN}; map fewer or"
                " smaller claims in identityProviders[].claims"
            )
        return Token(encoded, subject, expires_at)


def _json(claims: Mapping[str, object]) -> bytes:
    """The claims as JSON in UTF-8; by a fraction of the standard library's time."""
    try:
        return to_json(claims)
    except PydanticSerializationError:
        # Half of a surrogate pair, from the login: JSON can escape it, and UTF-8 has none.
        return compact_json(claims).encode()
