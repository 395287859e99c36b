"""What attacks are made of: an identity provider, its keys, and tokens with anything in them."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.identity.key_server import KeyServer, PrivateKey, as_segment, encode, public_jwk, sign
from tests.identity.service import ISSUER, Deployment
from token_service.identity.providers import IdentityProviders

PROVIDER = "https://provider.test"
CLIENT = "our-client"


def rsa_key(p: int, q: int) -> rsa.RSAPrivateKey:
    """The key of two primes; whether they are any is not looked at, as that would take seconds."""
    public = rsa.RSAPublicNumbers(65537, p * q)
    d = pow(public.e, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public)
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
STRANGER = rsa.generate_private_key(65537, 2048)
WEAK = rsa.generate_private_key(65537, 1024)
LARGE = rsa_key(2**4423 - 1, 2**4253 - 1)  # Mersenne primes; to look for others would take minutes.

KEYS: list[dict[str, Any]] = [
    public_jwk(RSA_KEY, kid="rsa", alg="RS256", use="sig"),
    public_jwk(EC_KEY, kid="ec", alg="ES256", use="sig"),
    public_jwk(ED_KEY, kid="ed", alg="EdDSA", use="sig"),
    public_jwk(RSA_KEY, kid="encryption", alg="RS256", use="enc"),
    public_jwk(RSA_KEY, kid="signing-only", alg="RS256", key_ops=["sign"]),
    public_jwk(WEAK, kid="weak", alg="RS256"),
    public_jwk(LARGE, kid="large", alg="RS256"),
    public_jwk(EC_KEY, kid="wrong-curve", alg="ES384"),
    public_jwk(RSA_KEY, kid="twice", alg="RS256"),
    public_jwk(STRANGER, kid="twice", alg="RS256"),
    {**public_jwk(EC_KEY, kid="off-curve", alg="ES256"), "y": public_jwk(EC_KEY)["x"]},
    {"kty": "RSA", "kid": "broken", "alg": "RS256", "n": 5, "e": None},
    {"kty": "unheard-of", "kid": "unheard-of"},
    public_jwk(RSA_KEY, kid="x" * 257, alg="RS256"),
]


def trusting(key_server: KeyServer, clock: Callable[[], float], **more: object) -> Deployment:
    """The functions, set up to believe the provider whose keys this server has; `more` settings."""
    settings = {
        "issuer": PROVIDER,
        "jwksUri": key_server.uri,
        "audiences": [CLIENT],
        "claims": {"everything": "x", "parameters": "parameters"},
        **more,
    }
    providers = IdentityProviders.from_settings(
        [settings], own_issuer=ISSUER, clock=clock, allow_nearby_http=True
    )
    return Deployment(providers, clock)


VALID = 7_200
"""Seconds; attacks are made when the tests are collected, and tried whenever their turn comes."""


def claims(**changes: object) -> dict[str, Any]:
    now = int(time.time())
    content = {"iss": PROVIDER, "sub": "mallory", "aud": CLIENT, "iat": now, "exp": now + VALID}
    return {**content, **changes}


def header(alg: object = "RS256", kid: object = "rsa", **more: object) -> dict[str, Any]:
    return {"alg": alg, "kid": kid, "typ": "JWT", **more}


def signed(
    payload: object = None,
    head: object = None,
    key: PrivateKey = RSA_KEY,
    alg: str = "RS256",
) -> str:
    """What our provider would sign, unless something about it is changed."""
    return sign(head or header(), claims() if payload is None else payload, key, alg)


def hmac_signed(secret: bytes, alg: str = "HS256") -> str:
    signing_input = f"{as_segment(header(alg))}.{as_segment(claims())}"
    digest = hmac.new(secret, signing_input.encode(), getattr(hashlib, f"sha{alg[2:]}")).digest()
    return f"{signing_input}.{encode(digest)}"


def with_signature(signature: bytes, kid: str = "ec", alg: str = "ES256") -> str:
    return f"{as_segment(header(alg, kid))}.{as_segment(claims())}.{encode(signature)}"


def in_der() -> str:
    """A right signature in the form of X.509; a JWS has r and s side by side (RFC 7518 §3.4)."""
    signing_input = f"{as_segment(header('ES256', 'ec'))}.{as_segment(claims())}"
    signature = EC_KEY.sign(signing_input.encode(), ec.ECDSA(hashes.SHA256()))
    return f"{signing_input}.{encode(signature)}"


def pem(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def raw_claims(**replaced: str) -> str:
    """The payload as text, with some values written literally."""
    names = {name: f"<{name}>" for name in replaced}
    text = json.dumps(claims(**names))
    for name, literal in replaced.items():
        text = text.replace(f'"<{name}>"', literal)
    return text


def with_stray_bits(token: str) -> str:
    """The same bytes in the last segment, written with unused bits set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]
    last, changed = (text.rsplit(".", 1)[1] + "==" for text in (token, other))
    assert base64.urlsafe_b64decode(last) == base64.urlsafe_b64decode(changed)
    return other
