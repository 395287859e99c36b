"""Public keys from outside: which may verify which signature (RFC 7517, RFC 7518, RFC 8725 §3.1).

PyJWT does the arithmetic; the checks it leaves to its caller are here: a key's purpose, size and
algorithm, keys that share a `kid`, and sets that mix public keys with secrets.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import Algorithm, AllowedPublicKeys, get_default_algorithms
from jwt.exceptions import InvalidKeyError

from token_service.identity.algorithms import ASYMMETRIC_ALGORITHMS
from token_service.identity.credentials import Credential
from token_service.identity.weak_keys import is_of_small_order, is_prime_looking, rsa_weakness

_log = logging.getLogger(__name__)

MOST_KEYS = 100
"""How many usable keys of a set are kept, the first ones; what that leaves out is logged."""

_MOST_LOGGED = 20
"""Keys left out that the log names at each fetch."""

_CURVE_ALGORITHMS = {
    "P-256": frozenset({"ES256"}),
    "P-384": frozenset({"ES384"}),
    "P-521": frozenset({"ES512"}),
    "Ed25519": frozenset({"EdDSA", "Ed25519"}),
    "Ed448": frozenset({"EdDSA", "Ed448"}),
}
_CURVES = {"EC": ("P-256", "P-384", "P-521"), "OKP": ("Ed25519", "Ed448")}
_RSA_ALGORITHMS = frozenset(name for name in ASYMMETRIC_ALGORITHMS if name[:2] in {"RS", "PS"})
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

_ALGORITHMS = {
    name: algorithm
    for name, algorithm in get_default_algorithms().items()
    if name in ASYMMETRIC_ALGORITHMS
}
_ALGORITHMS["Ed25519"] = _ALGORITHMS["Ed448"] = _ALGORITHMS["EdDSA"]


class UnusableKeyError(Exception):
    """A key, or a whole set, that must not verify anything; says why."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key made ready, bound to its algorithms."""

    algorithms: Mapping[str, Algorithm]
    public_key: AllowedPublicKeys
    modulus: int | None = None

    @classmethod
    def from_jwk(
        cls, jwk: Mapping[str, object], allowed: frozenset[str] | None = None
    ) -> "VerificationKey":
        """Check and prepare one public JWK, whose members are not null.

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
        modulus = _check_strength(public_key)
        return cls({name: _ALGORITHMS[name] for name in names}, public_key, modulus)

    def verifies(self, credential: Credential) -> bool:
        """Whether the credential's signature is this key's, by an algorithm of this key."""
        algorithm = self.algorithms.get(credential.alg)
        if algorithm is None or not self._is_as_long_as_its_key(credential.signature):
            return False
        if not algorithm.verify(credential.signing_input, self.public_key, credential.signature):
            return False
        return self.modulus is None or not is_prime_looking(self.modulus)

    def _is_as_long_as_its_key(self, signature: bytes) -> bool:
        """RFC 8017 §8.1.2; OpenSSL takes an RSASSA-PSS signature without its leading zeros, too.

        PyJWT and OpenSSL look at the length of every other kind themselves.
        """
        return self.modulus is None or len(signature) == (self.modulus.bit_length() + 7) // 8


@dataclass(frozen=True, slots=True)
class KeySet:
    """The usable keys of a JWKS: those that their `kid` tells, and all of them."""

    by_kid: Mapping[str, VerificationKey] = field(default_factory=dict)
    all: Sequence[VerificationKey] = ()

    def only(self, alg: str) -> VerificationKey | None:
        """The key for tokens that name no `kid`, where just one fits (RFC 7515 §4.1.4)."""
        fitting = [key for key in self.all if alg in key.algorithms]
        return fitting[0] if len(fitting) == 1 else None


def read_key_set(
    document: Mapping[str, object], allowed: frozenset[str] | None, provider: str, issuer: str
) -> KeySet:
    """The usable keys of a JWKS (RFC 7517 §5).

    A key that is for something else, weak, malformed or for another issuer is left out, as RFC 7517
    wants; a member that is null counts as absent. Different keys under one `kid` are found by none,
    as which of them was meant cannot be told. To whoever signs with such a key its `kid` is
    unknown, so the log says why, and of which `provider`. A set that holds a symmetric or a private
    key is refused whole, as whoever reads it could sign. Raises `UnusableKeyError` for such a set,
    and for one without a single usable key.
    """
    jwks = document.get("keys")
    if not isinstance(jwks, list):
        raise UnusableKeyError(_no_key_set(document))
    jwks = [_without_nulls(jwk) for jwk in jwks if isinstance(jwk, dict)]
    if any(jwk.get("kty") == "oct" or not _SECRET_MEMBERS.isdisjoint(jwk) for jwk in jwks):
        raise UnusableKeyError("it holds a symmetric or private key, so anybody can sign")
    log = _LeftOut(provider)
    usable: list[VerificationKey] = []
    by_kid: dict[str, VerificationKey] = {}
    ambiguous: set[str] = set()
    for jwk in jwks:
        kid = jwk.get("kid")
        try:
            key = _usable_key(jwk, allowed, issuer, len(usable))
        except UnusableKeyError as error:
            log.add(jwk, error)
            continue
        usable.append(key)
        if isinstance(kid, str):
            if kid in by_kid and by_kid[kid] != key:
                ambiguous.add(kid)
            by_kid[kid] = key
    for kid in ambiguous:
        log.warn(f"different keys share the kid {_loggable(kid)}; none of them is used")
        del by_kid[kid]
    log.finish()
    if not usable:
        raise UnusableKeyError(f"it holds no usable key{log.reasons}")
    return KeySet(by_kid, usable)


def _usable_key(
    jwk: Mapping[str, object], allowed: frozenset[str] | None, issuer: str, before: int
) -> VerificationKey:
    """The key, with `before` usable ones before it; raises `UnusableKeyError`."""
    if before >= MOST_KEYS:
        raise UnusableKeyError(f"{MOST_KEYS} usable ones come before it")
    if not isinstance(jwk.get("kid", ""), str):
        raise UnusableKeyError("its kid is not a string")
    _check_issuer(jwk.get("issuer"), issuer)
    return VerificationKey.from_jwk(jwk, allowed)


def _check_issuer(for_issuer: object, issuer: str) -> None:
    """Refuse a key that says it is for another issuer, as Entra's do (`{tenantid}` being any).

    Entra's tokens of version 1 have another issuer than its keys name, with the same tenant.
    """
    if for_issuer is None:
        return
    tenant = issuer.split("/")[3] if issuer.count("/") >= 3 else ""
    names = {issuer}
    if issuer == f"https://sts.windows.net/{tenant}/":
        names.add(f"https://login.microsoftonline.com/{tenant}/v2.0")
    if str(for_issuer).replace("{tenantid}", tenant) not in names:
        raise UnusableKeyError("it is for another issuer")


def _no_key_set(document: Mapping[str, object]) -> str:
    """What is wrong with a document that has no `keys`."""
    values = list(document.values())
    if values and all(isinstance(v, str) and v.startswith("-----BEGIN") for v in values):
        return "it holds certificates by kid: give the address of the JWKS as jwksUri"
    return "it has no list of keys, as a JWKS has: check jwksUri"


def _check_strength(public_key: AllowedPublicKeys) -> int | None:
    """An RSA key's modulus, None for others; raises `UnusableKeyError` for a key of no strength."""
    if isinstance(public_key, RSAPublicKey):
        modulus = public_key.public_numbers().n
        if weakness := rsa_weakness(modulus):
            raise UnusableKeyError(weakness)
        return modulus
    if isinstance(public_key, Ed25519PublicKey | Ed448PublicKey) and is_of_small_order(
        public_key.public_bytes_raw()
    ):
        raise UnusableKeyError("a point of small order, for which anybody can sign")
    return None


def _without_nulls(jwk: Mapping[str, object]) -> Mapping[str, object]:
    return {name: value for name, value in jwk.items() if value is not None}


class _LeftOut:
    """Logs the keys of one set that are left out, in so many lines at most."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._count = 0
        self._reasons: dict[str, None] = {}

    def add(self, jwk: Mapping[str, object], reason: UnusableKeyError) -> None:
        self._count += 1
        self._reasons[str(reason)] = None
        if self._count <= _MOST_LOGGED:
            # A key for encryption among the others, as Keycloak publishes one, is no mistake.
            level = logging.INFO if jwk.get("use") == "enc" else logging.WARNING
            kid = _loggable(jwk.get("kid"))
            _log.log(level, "%s: the key %s is left out: %s", self._provider, kid, reason)

    def warn(self, text: str) -> None:
        _log.warning("%s: %s", self._provider, text)

    def finish(self) -> None:
        if self._count > _MOST_LOGGED:
            self.warn(f"{self._count - _MOST_LOGGED} more keys are left out")

    @property
    def reasons(self) -> str:
        """Why keys were left out, as the end of a sentence."""
        return "".join(f"; {reason}" for reason in list(self._reasons)[:3])


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
