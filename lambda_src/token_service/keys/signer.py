"""A signing key made ready to sign (RFC 7515)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from jwt.algorithms import ECAlgorithm, RSAAlgorithm, get_default_algorithms
from jwt.exceptions import PyJWTError

from token_service.keys.jwk import base64url_encode, segment
from token_service.keys.keyring import SigningKey

ALGORITHMS = ("ES256", "ES384", "ES512", "EdDSA", "RS256", "RS384", "RS512")
"""The asymmetric signature algorithms that PowerSync verifies."""

SMALLEST_RSA_KEY = 2048
"""Bits (RFC 7518 §3.3); PowerSync refuses smaller ones."""

_PROBE = b"a signature that is never given to anybody"


class UnusableKeyError(Exception):
    """A key of the ring that cannot sign as its `alg` says; never quotes its members."""


class KeyPairError(Exception):
    """A private key and a published key that do not belong together."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A signing key made ready: `sign` takes the signing input, returns the raw signature."""

    kid: str
    alg: str
    sign: Callable[[bytes], bytes]

    def compact(self, claims: bytes) -> str:
        """The claims, in JSON, as a signed JWT in compact serialization (RFC 7515 §7.1)."""
        signing_input = _header(self.alg, self.kid) + b"." + base64url_encode(claims)
        signature = base64url_encode(self.sign(signing_input))
        return (signing_input + b"." + signature).decode()

    @classmethod
    def from_key(cls, key: SigningKey) -> "Signer":
        """Parse the key once, and try it; a signature then costs little more than its arithmetic.

        Raises `UnusableKeyError`.
        """
        try:
            signer = cls._parsed(key)
            usable = _verifies(signer, key.alg, key.public_jwk)
        except (
            *(ValueError, TypeError, KeyError, AttributeError, OverflowError),
            *(PyJWTError, UnsupportedAlgorithm, NotImplementedError),
        ) as error:
            # Not an error's cause: it could quote members of the key.
            reason = type(error).__name__
            raise UnusableKeyError(f"the current key cannot sign ({reason})") from None
        if not usable:
            raise UnusableKeyError("the current key does not verify what it signs")
        return signer

    @classmethod
    def _parsed(cls, key: SigningKey) -> "Signer":
        if not isinstance(key.kid, str) or key.alg not in ALGORITHMS:
            raise ValueError
        algorithm = get_default_algorithms()[key.alg]
        private_key = algorithm.prepare_key(algorithm.from_jwk(dict(key.private_jwk)))
        if isinstance(private_key, RSAPrivateKey) and private_key.key_size < SMALLEST_RSA_KEY:
            raise ValueError
        if isinstance(algorithm, ECAlgorithm) and isinstance(private_key, EllipticCurvePrivateKey):
            return cls(key.kid, key.alg, _ecdsa(private_key, ECDSA(algorithm.hash_alg())))
        if isinstance(algorithm, RSAAlgorithm) and isinstance(private_key, RSAPrivateKey):
            return cls(key.kid, key.alg, _rsassa(private_key, algorithm.hash_alg()))
        return cls(
            key.kid, key.alg, lambda signing_input: algorithm.sign(signing_input, private_key)
        )


@lru_cache(maxsize=8)
def _header(alg: str, kid: str) -> bytes:
    return segment({"alg": alg, "kid": kid, "typ": "JWT"})


def _ecdsa(private_key: EllipticCurvePrivateKey, scheme: ECDSA) -> Callable[[bytes], bytes]:
    """Signing as PyJWT would, which makes up the scheme and the size anew for each signature."""
    size = (private_key.key_size + 7) // 8

    def sign(signing_input: bytes) -> bytes:
        """The two numbers of the signature, each in `size` bytes (RFC 7518 §3.4)."""
        r, s = decode_dss_signature(private_key.sign(signing_input, scheme))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    return sign


def _rsassa(private_key: RSAPrivateKey, scheme: HashAlgorithm) -> Callable[[bytes], bytes]:
    """Signing as PyJWT would, with padding and hash made once (RFC 7518 §3.3)."""
    padding = PKCS1v15()
    return lambda signing_input: private_key.sign(signing_input, padding, scheme)


def check_key_pair(key: SigningKey, published: Mapping[str, str]) -> None:
    """Sign with the private key, verify with the published one.

    Raises `KeyPairError`, and `UnusableKeyError` for a key that cannot sign at all.
    """
    signer = Signer.from_key(key)
    if published["alg"] != key.alg or not _verifies(signer, key.alg, published):
        raise KeyPairError(f"what is published as {key.kid} does not verify what {key.kid} signs")


def _verifies(signer: Signer, alg: str, public_jwk: Mapping[str, str]) -> bool:
    algorithm = get_default_algorithms()[alg]
    return algorithm.verify(_PROBE, algorithm.from_jwk(dict(public_jwk)), signer.sign(_PROBE))
