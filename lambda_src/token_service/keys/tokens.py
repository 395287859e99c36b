"""PowerSync tokens: their claims and their signature (RFC 7515, RFC 7519)."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwt.algorithms import ECAlgorithm, get_default_algorithms

from token_service.jwk import compact_json
from token_service.keyring import SigningKey

PROTECTED_CLAIMS = frozenset({"sub", "aud", "iss", "iat", "nbf", "exp", "jti", "kid", "role"})
"""Claims that are ours to set, whatever an identity provider says."""

LARGEST_TOKEN = 6144
"""Bytes. PowerSync takes the token in a header; proxies in between commonly stop at 8 KiB."""


class TokenTooLargeError(Exception):
    """The configured claims make a token that would not fit into a header."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A signing key made ready: `sign` takes the signing input, returns the raw signature."""

    kid: str
    header: bytes
    sign: Callable[[bytes], bytes]

    @classmethod
    def from_key(cls, key: SigningKey) -> "Signer":
        """Parse the key once; a signature then costs little more than its arithmetic."""
        algorithm = get_default_algorithms()[key.alg]
        private_key = algorithm.from_jwk(dict(key.private_jwk))
        header = _segment({"alg": key.alg, "kid": key.kid, "typ": "JWT"})
        if isinstance(algorithm, ECAlgorithm) and isinstance(private_key, EllipticCurvePrivateKey):
            return cls(key.kid, header, _ecdsa(private_key, ECDSA(algorithm.hash_alg())))
        return cls(
            key.kid, header, lambda signing_input: algorithm.sign(signing_input, private_key)
        )


def _ecdsa(private_key: EllipticCurvePrivateKey, scheme: ECDSA) -> Callable[[bytes], bytes]:
    """Signing as PyJWT would, which makes up the scheme and the size anew for each signature."""
    size = (private_key.key_size + 7) // 8

    def sign(signing_input: bytes) -> bytes:
        """The two numbers of the signature, each in `size` bytes (RFC 7518 §3.4)."""
        r, s = decode_dss_signature(private_key.sign(signing_input, scheme))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    return sign


@dataclass(frozen=True, slots=True)
class Token:
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
        self, signer: Signer, *, subject: str, role: str, now: float, claims: Mapping[str, object]
    ) -> Token:
        """Sign a token for `subject` that is valid from `now` (epoch seconds).

        `claims` are mapped ones; those of `PROTECTED_CLAIMS` cannot be set through them. PowerSync
        wants `sub`, `iat`, `exp` and `aud`, reads all others at top level, and refuses a lifetime
        above 86,400 s. Raises `TokenTooLargeError`.
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
        signing_input = signer.header + b"." + _segment(payload)
        signature = base64.urlsafe_b64encode(signer.sign(signing_input)).rstrip(b"=")
        encoded = signing_input + b"." + signature
        if len(encoded) > LARGEST_TOKEN:
            raise TokenTooLargeError(
                f"the token of {len(encoded)} bytes is larger than {LARGEST_TOKEN}; map fewer or"
                " smaller claims in identityProviders[].claims"
            )
        return Token(encoded.decode(), subject, expires_at)


class KeyPairError(Exception):
    """A private key and a published key that do not belong together."""


def check_key_pair(key: SigningKey, published: Mapping[str, str]) -> None:
    """Sign with the private key, verify with the published one; raises `KeyPairError`."""
    probe = b"a signature that is never given to anybody"
    algorithm = get_default_algorithms()[key.alg]
    signature = Signer.from_key(key).sign(probe)
    if published["alg"] != key.alg or not algorithm.verify(
        probe, algorithm.from_jwk(dict(published)), signature
    ):
        raise KeyPairError(f"what is published as {key.kid} does not verify what {key.kid} signs")


def _segment(content: Mapping[str, object]) -> bytes:
    """A JWS segment: JSON, base64url without padding (RFC 7515 §2)."""
    text = compact_json(content).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=")
