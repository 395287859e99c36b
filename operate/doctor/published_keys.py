"""The keys that PowerSync takes from a JWKS, and what each may verify.

Pure. PowerSync 1.25 imports them with jose 4.15, and holds no more of the document than this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.algorithms import Algorithm, get_default_algorithms

ALGORITHMS_OF = {
    "RSA": ("RS256", "RS384", "RS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
"""What a key may verify, by its `kty`. Keys of another `kty` are skipped."""

SMALLEST_RSA_KEY = 2048
"""Bits: jose verifies with none below."""

_CURVES = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
_KEY_AGREEMENT_CURVES = ("X25519", "X448")
_ALGORITHMS: Mapping[str, Algorithm] = get_default_algorithms()
_IMPORTERS = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}


class KeySetError(Exception):
    """PowerSync cannot use this key set: one bad key fails all of them.

    Attributes:
        code: PowerSync's.
    """

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A key that PowerSync holds for verifying.

    Attributes:
        kid: None for a wildcard, which is tried on every token of its type.
        jwk: As published.
        public_key: Made ready; None where it is for something else than signatures.
    """

    kid: str | None
    jwk: Mapping[str, Any]
    public_key: Any

    def allows(self, alg: str) -> bool:
        """Whether a token with this `alg` is tried with the key."""
        own = self.jwk.get("alg")
        return alg == own if own else alg in ALGORITHMS_OF[self.jwk["kty"]]

    def verifies(self, signing_input: bytes, signature: bytes, alg: str) -> bool:
        """Whether the signature is this key's."""
        algorithm = _ALGORITHMS.get(alg)
        if algorithm is None or alg not in ALGORITHMS_OF[self.jwk["kty"]]:
            return False
        if self.public_key is None or not _is_of_size(self.public_key, alg):
            return False
        return algorithm.verify(signing_input, self.public_key, signature)


def read_key_set(document: object) -> list[PublishedKey]:
    """The keys that PowerSync takes from a JWKS; raises `KeySetError` if one spoils the set."""
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise KeySetError("PSYNC_S2204", "it has no list of keys")
    return [_published(entry) for entry in entries if _is_for_verifying(entry)]


def _is_for_verifying(jwk: Mapping[str, Any]) -> bool:
    use, operations = jwk.get("use"), jwk.get("key_ops")
    return (
        jwk.get("kty") in ALGORITHMS_OF
        and (not isinstance(use, str) or use == "sig")
        and (not isinstance(operations, list) or "verify" in operations)
    )


def _published(jwk: Mapping[str, Any]) -> PublishedKey:
    kid = jwk.get("kid")
    if jwk["kty"] == "OKP" and jwk.get("crv") in _KEY_AGREEMENT_CURVES:
        return PublishedKey(kid or None, jwk, None)
    try:
        imported: Any = _ALGORITHMS[_IMPORTERS[jwk["kty"]]].from_jwk(dict(jwk))
    except (jwt.InvalidKeyError, ValueError, TypeError, KeyError) as error:
        name = f"the key {kid}" if kid else "a key"
        raise KeySetError("PSYNC_S2201", f"{name} is not a valid {jwk['kty']} key") from error
    # A private key verifies too: jose does not mind. Doctor looks for one by itself.
    public = imported.public_key() if hasattr(imported, "private_bytes") else imported
    return PublishedKey(kid or None, jwk, public)


def _is_of_size(public_key: Any, alg: str) -> bool:
    if alg in _CURVES:
        return bool(public_key.curve.name == _CURVES[alg])
    return alg == "EdDSA" or public_key.key_size >= SMALLEST_RSA_KEY
