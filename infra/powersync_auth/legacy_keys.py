"""The setting `legacyKeys`: public keys of a former signer, published beside ours for a while.

PowerSync drops the whole set for one key that it cannot import, so each is looked at closely.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LARGEST = 2_048
"""Bytes that all of them may take of a function's environment: about four RSA keys."""

LONGEST_KID = 256

_MEMBERS = {"EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "RSA": ("n", "e")}
_SECRET_MEMBERS = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_ALGORITHMS = {
    ("RSA", None): ("RS256", "RS384", "RS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
    ("OKP", "Ed448"): ("EdDSA",),
}
"""What PowerSync verifies, by the type of the key and its curve."""

_EDWARDS_BYTES = {"Ed25519": 32, "Ed448": 57}

_CURVES = {
    # Prime, b, and bytes of a coordinate (FIPS 186-5, SP 800-186 §3.2.1): y² = x³ - 3x + b.
    "P-256": (
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        32,
    ),
    "P-384": (
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        int(
            "B3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875A"
            "C656398D8A2ED19D2A85C8EDD3EC2AEF",
            16,
        ),
        48,
    ),
    "P-521": (
        2**521 - 1,
        int(
            "0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF1"
            "09E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B50"
            "3F00",
            16,
        ),
        66,
    ),
}

Jwk = dict[str, str]


def public_jwk(jwk: Mapping[str, Any]) -> Jwk:
    """The key as it will be published (RFC 7517 §4): its public members, `kid`, `alg`, `use`.

    Raises `ValueError` saying what it should be; nothing of the key is repeated.
    """
    kty, curve = jwk.get("kty"), jwk.get("crv")
    if kty == "oct":
        raise ValueError(
            "should be a public key: a shared secret cannot be published; PowerSync takes it among"
            " the static keys of its own configuration"
        )
    if any(name in jwk for name in _SECRET_MEMBERS):
        raise ValueError("should be the public key alone, and that private key be kept elsewhere")
    names = _MEMBERS.get(str(kty), ())
    algorithms = _ALGORITHMS.get((str(kty), None if kty == "RSA" else str(curve)))
    if algorithms is None:
        raise ValueError("should be an RSA key, or one of a curve that PowerSync knows")
    if not all(isinstance(jwk.get(name), str) for name in names):
        raise ValueError(f"should have {', '.join(names)} as strings")
    if jwk.get("alg") not in algorithms:
        raise ValueError(
            f"should have alg {' or '.join(algorithms)}, the one that its tokens have: PowerSync"
            " compares them"
        )
    if jwk.get("use", "sig") != "sig":
        raise ValueError("should be for signatures (use: sig)")
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= LONGEST_KID or not kid.isprintable():
        raise ValueError(
            "should have a kid, the one that its tokens have: a key without would be tried for all"
        )
    _check_numbers(jwk)
    return {name: str(jwk[name]) for name in ("kty", *names, "kid", "alg")} | {"use": "sig"}


def instant(until: str) -> int:
    """The epoch second at which a date (its end, UTC) or a time (RFC 3339) has come.

    Raises `ValueError` for other text.
    """
    try:
        if len(until) == len("2027-01-31"):
            day = date.fromisoformat(until) + timedelta(days=1)
            return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        moment = datetime.fromisoformat(until)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError('should be a date such as "2027-01-31", or a time with its zone')
    return int(moment.timestamp())


def for_jwks(keys: Sequence[tuple[Jwk, int]]) -> str:
    """What the function `jwks` is told: each key with its end."""
    return json.dumps([{"jwk": jwk, "until": until} for jwk, until in keys])


def for_rotate(keys: Sequence[tuple[Jwk, int]]) -> str:
    """What the function `rotate` is told, which shows them to operators."""
    rows = [{"kid": jwk["kid"], "alg": jwk["alg"], "until": until} for jwk, until in keys]
    return json.dumps(rows)


def check_together(keys: Sequence[tuple[Jwk, int]]) -> None:
    """Raises `ValueError` for two of one `kid`, and for more than there is room for."""
    kids = [jwk["kid"] for jwk, _ in keys]
    if len(set(kids)) < len(kids):
        raise ValueError("should have each kid once")
    taken = len(json.dumps(for_jwks(keys)))  # Lambda counts an environment as JSON.
    if taken > LARGEST:
        raise ValueError(
            f"should take {LARGEST} bytes together, and take {taken}: leave out keys whose last"
            " token has expired"
        )


def _check_numbers(jwk: Mapping[str, Any]) -> None:
    kty, curve = jwk["kty"], str(jwk.get("crv"))
    if kty == "RSA":
        modulus, exponent = _number(jwk["n"]), _number(jwk["e"])
        if modulus.bit_length() < 2_048 or modulus % 2 == 0 or exponent % 2 == 0 or exponent < 3:
            raise ValueError("should be an RSA key of 2048 bits or more")
    elif kty == "OKP":
        if len(_decoded(jwk["x"])) != _EDWARDS_BYTES[curve]:
            raise ValueError(f"should have an x of {_EDWARDS_BYTES[curve]} bytes")
    else:
        prime, b, size = _CURVES[curve]
        x, y = _number(jwk["x"]), _number(jwk["y"])
        if any(len(_decoded(jwk[name])) != size for name in ("x", "y")):
            raise ValueError(f"should have x and y of {size} bytes")
        if max(x, y) >= prime or (y * y - (x * x * x - 3 * x + b)) % prime:
            raise ValueError(f"should be a point of {curve}")


def _number(text: str) -> int:
    return int.from_bytes(_decoded(text), "big")


def _decoded(text: str) -> bytes:
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not decoded or base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != text:
        raise ValueError("should have its members in base64url without padding")
    return decoded
