"""JSON Web Keys: naming and stripping them (RFC 7517, RFC 7518 §6, RFC 8037, RFC 7638)."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping

Jwk = Mapping[str, str]

compact_json = json.JSONEncoder(separators=(",", ":")).encode
"""JSON without white space, as JOSE objects are commonly written (and RFC 7638 demands)."""


def segment(content: Mapping[str, object]) -> bytes:
    """A JWS segment: JSON, base64url (RFC 7515 §2)."""
    return base64url_encode(compact_json(content).encode())


def base64url_encode(content: bytes) -> bytes:
    """Base64url without padding (RFC 7515 §2)."""
    return binascii.b2a_base64(content, newline=False).rstrip(b"=").translate(_TO_BASE64URL)


_TO_BASE64URL = bytes.maketrans(b"+/", b"-_")


def base64url_decode(text: str) -> bytes:
    """What `base64url_encode` has made; raises `ValueError` for what is no base64url."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


_REQUIRED_PUBLIC_MEMBERS = {"EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "RSA": ("n", "e")}


def public_members(jwk: Jwk) -> dict[str, str]:
    """The members that make up the public key, and nothing else (an allow-list, not a deny-list).

    Raises `ValueError` for a key that is not a complete EC, OKP or RSA key.
    """
    kty = jwk.get("kty", "")
    names = _REQUIRED_PUBLIC_MEMBERS.get(kty)
    if names is None:
        raise ValueError(f"no key type {kty!r}; expected EC, OKP or RSA")
    missing = [name for name in names if name not in jwk]
    if missing:
        raise ValueError(f"an {kty} key lacks {', '.join(missing)}")
    return {"kty": kty, **{name: jwk[name] for name in names}}


def thumbprint(jwk: Jwk) -> str:
    """The key's SHA-256 thumbprint, base64url without padding (RFC 7638 §3)."""
    canonical = compact_json(dict(sorted(public_members(jwk).items())))
    digest = hashlib.sha256(canonical.encode()).digest()
    return base64url_encode(digest).decode()
