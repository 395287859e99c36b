"""A signing key made ready to sign (RFC 7515)."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwt.algorithms import ECAlgorithm, get_default_algorithms

from token_service.keys.jwk import compact_json
from token_service.keys.keyring import SigningKey


@dataclass(frozen=True, slots=True)
class Signer:
    """A signing key made ready: `sign` takes the signing input, returns the raw signature."""

    kid: str
    alg: str
    sign: Callable[[bytes], bytes]

    def compact(self, claims: Mapping[str, object], typ: str = "JWT") -> str:
        """The claims as a signed JWT in compact serialization (RFC 7515 §7.1)."""
        signing_input = _header(self.alg, self.kid, typ) + b"." + segment(claims)
        signature = base64.urlsafe_b64encode(self.sign(signing_input)).rstrip(b"=")
        return (signing_input + b"." + signature).decode()

    @classmethod
    def from_key(cls, key: SigningKey) -> "Signer":
        """Parse the key once; a signature then costs little more than its arithmetic."""
        algorithm = get_default_algorithms()[key.alg]
        private_key = algorithm.from_jwk(dict(key.private_jwk))
        if isinstance(algorithm, ECAlgorithm) and isinstance(private_key, EllipticCurvePrivateKey):
            return cls(key.kid, key.alg, _ecdsa(private_key, ECDSA(algorithm.hash_alg())))
        return cls(
            key.kid, key.alg, lambda signing_input: algorithm.sign(signing_input, private_key)
        )


@lru_cache(maxsize=8)
def _header(alg: str, kid: str, typ: str) -> bytes:
    return segment({"alg": alg, "kid": kid, "typ": typ})


def _ecdsa(private_key: EllipticCurvePrivateKey, scheme: ECDSA) -> Callable[[bytes], bytes]:
    """Signing as PyJWT would, which makes up the scheme and the size anew for each signature."""
    size = (private_key.key_size + 7) // 8

    def sign(signing_input: bytes) -> bytes:
        """The two numbers of the signature, each in `size` bytes (RFC 7518 §3.4)."""
        r, s = decode_dss_signature(private_key.sign(signing_input, scheme))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    return sign


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


def segment(content: Mapping[str, object]) -> bytes:
    """A JWS segment: JSON, base64url without padding (RFC 7515 §2)."""
    text = compact_json(content).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=")
