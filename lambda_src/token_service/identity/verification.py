"""Public keys from outside: which may verify which signature (RFC 7517, RFC 7518, RFC 8725 §3.1).

PyJWT does the arithmetic; the checks it leaves to its caller are here: a key's purpose, size and
algorithm, keys that share a `kid`, and sets that mix public keys with secrets.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import Algorithm, AllowedPublicKeys, get_default_algorithms
from jwt.exceptions import InvalidKeyError

from token_service.identity.algorithms import ASYMMETRIC_ALGORITHMS
from token_service.identity.credentials import Credential

_log = logging.getLogger(__name__)

SMALLEST_RSA_KEY = 2048
LARGEST_RSA_KEY = 8192
"""Bits (RFC 7518 §3.3); the upper bound limits what a signature may cost us."""

MOST_KEYS = 100
"""How many keys a set may hold."""

_CURVE_ALGORITHMS = {
    "P-256": frozenset({"ES256"}),
    "P-384": frozenset({"ES384"}),
    "P-521": frozenset({"ES512"}),
    "Ed25519": frozenset({"EdDSA", "Ed25519"}),
    "Ed448": frozenset({"EdDSA"}),
}
_CURVES = {"EC": ("P-256", "P-384", "P-521"), "OKP": ("Ed25519", "Ed448")}
_RSA_ALGORITHMS = frozenset(name for name in ASYMMETRIC_ALGORITHMS if name[:2] in {"RS", "PS"})
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

_ALGORITHMS = {
    name: algorithm
    for name, algorithm in get_default_algorithms().items()
    if name in ASYMMETRIC_ALGORITHMS
}
_ALGORITHMS["Ed25519"] = _ALGORITHMS["EdDSA"]


class UnusableKeyError(Exception):
    """A key, or a whole set, that must not verify anything; says why."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key made ready, bound to its algorithms."""

    algorithms: Mapping[str, Algorithm]
    public_key: AllowedPublicKeys

    @classmethod
    def from_jwk(
        cls, jwk: Mapping[str, object], allowed: frozenset[str] | None = None
    ) -> "VerificationKey":
        """Check and prepare one public JWK.

        `allowed` are the algorithms that the configuration names. A key is bound to its own `alg`;
        an RSA key that names none serves `RS256`, or what `allowed` names. Raises
        `UnusableKeyError`.
        """
        if jwk.get("use", "sig") != "sig":
            raise UnusableKeyError("use is not sig")
        operations = jwk.get("key_ops", ["verify"])
        if not isinstance(operations, list) or "verify" not in operations:
            raise UnusableKeyError("key_ops lacks verify")
        names = _bound_algorithms(jwk, allowed)
        if not names:
            raise UnusableKeyError("its algorithm is not allowed")
        algorithm = _ALGORITHMS[next(iter(names))]
        try:
            public_key = algorithm.from_jwk(dict(jwk))
        except (InvalidKeyError, ValueError, TypeError, KeyError) as error:
            raise UnusableKeyError(f"not a valid key ({type(error).__name__})") from None
        if isinstance(public_key, RSAPublicKey) and not (
            SMALLEST_RSA_KEY <= public_key.key_size <= LARGEST_RSA_KEY
        ):
            raise UnusableKeyError(f"an RSA key of {public_key.key_size} bits")
        return cls({name: _ALGORITHMS[name] for name in names}, public_key)

    def verifies(self, credential: Credential) -> bool:
        """Whether the credential's signature is this key's, by an algorithm of this key."""
        algorithm = self.algorithms.get(credential.alg)
        if algorithm is None:
            return False
        return algorithm.verify(credential.signing_input, self.public_key, credential.signature)


def read_key_set(
    document: Mapping[str, object], allowed: frozenset[str] | None, provider: str
) -> dict[str, VerificationKey]:
    """The usable keys of a JWKS (RFC 7517 §5) by `kid`.

    A key that is for something else, too small, malformed or without `kid` is left out, as are
    different keys under one `kid`: which of them was meant cannot be told. To whoever signs with
    such a key its `kid` is unknown, so the log says why, and of which `provider`. A set that holds
    a symmetric or a private key is refused whole, as whoever reads it could sign. Raises
    `UnusableKeyError` for such a set, and for one without a single usable key.
    """
    jwks = document.get("keys")
    if not isinstance(jwks, list) or len(jwks) > MOST_KEYS:
        raise UnusableKeyError(f"keys is not a list of at most {MOST_KEYS}")
    jwks = [jwk for jwk in jwks if isinstance(jwk, dict)]
    if any(jwk.get("kty") == "oct" or not _SECRET_MEMBERS.isdisjoint(jwk) for jwk in jwks):
        raise UnusableKeyError("the set holds a symmetric or private key")
    keys: dict[str, VerificationKey] = {}
    ambiguous: set[str] = set()
    for jwk in jwks:
        kid = jwk.get("kid")
        try:
            if not isinstance(kid, str) or not kid:
                raise UnusableKeyError("its kid is not a string of at least one character")
            key = VerificationKey.from_jwk(jwk, allowed)
        except UnusableKeyError as error:
            # A key for encryption among the others, as Keycloak publishes one, is no mistake.
            level = logging.INFO if jwk.get("use") == "enc" else logging.WARNING
            _log.log(level, "%s: the key %s is left out: %s", provider, _loggable(kid), error)
            continue
        if kid in keys and keys[kid] != key:
            ambiguous.add(kid)
        keys[kid] = key
    for kid in ambiguous:
        _log.warning(
            "%s: different keys share the kid %s; none of them is used", provider, _loggable(kid)
        )
        del keys[kid]
    if not keys:
        raise UnusableKeyError("the set holds no usable key")
    return keys


def _loggable(kid: object) -> str:
    """A `kid` from outside, as one line of the log can hold it."""
    return ascii(kid)[:80]


def _bound_algorithms(jwk: Mapping[str, object], allowed: frozenset[str] | None) -> frozenset[str]:
    """The algorithms that this key may verify."""
    kty, curve, alg = jwk.get("kty"), jwk.get("crv"), jwk.get("alg")
    if not isinstance(alg, str | None):
        return frozenset()
    if kty == "RSA":
        possible = _RSA_ALGORITHMS
        if alg is None and allowed is None:
            possible = frozenset({"RS256"})
    elif isinstance(curve, str) and curve in _CURVES.get(str(kty), ()):
        possible = _CURVE_ALGORITHMS[curve]
    else:
        return frozenset()
    if alg is not None and not (kty == "OKP" and alg in possible):
        possible = frozenset(name for name in possible if name == alg)
    return possible if allowed is None else possible & allowed
