"""The limit: nothing but the signature, or the verification, as `cryptography` makes it.

Beside it what PyJWT takes for the tokens alone, with keys that are made ready once: no HTTP, no
key ring, no rules. These look like handlers, so that the same worker measures them; events carry
the key and the credential.
"""

import time
from collections.abc import Callable

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

MESSAGE = b"x" * 300  # about as long as the signing input of a token
ANSWER = {"statusCode": 200}
Handler = Callable[[dict[str, str], object], dict[str, int]]


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(0x1234567890ABCDEF1234567890ABCDEF, ec.SECP256R1())


def _sign_es256() -> Handler:
    key, algorithm = _key(), ec.ECDSA(hashes.SHA256())

    def handler(event: dict[str, str], context: object) -> dict[str, int]:
        key.sign(MESSAGE, algorithm)
        return ANSWER

    return handler


def sign_rs256(event: dict[str, str], context: object) -> dict[str, int]:
    key = _rsa(event["private_key"])
    key.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256())
    return ANSWER


def verify_rs256(event: dict[str, str], context: object) -> dict[str, int]:
    key = _rsa(event["private_key"])
    if event["private_key"] not in _verifying:
        signature = key.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256())
        _verifying[event["private_key"]] = key.public_key(), signature
    public_key, signature = _verifying[event["private_key"]]
    public_key.verify(signature, MESSAGE, padding.PKCS1v15(), hashes.SHA256())
    return ANSWER


_keys: dict[str, rsa.RSAPrivateKey] = {}
_verifying: dict[str, tuple[rsa.RSAPublicKey, bytes]] = {}


def _rsa(pem: str) -> rsa.RSAPrivateKey:
    if pem not in _keys:
        key = serialization.load_pem_private_key(pem.encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        _keys[pem] = key
    return _keys[pem]


def encode_es256(event: dict[str, str], context: object) -> dict[str, int]:
    """An anonymous token by PyJWT."""
    _encode(
        "anon-00112233445566778899aabbccddeeff", "anonymous", jti="00112233445566778899aabbccddeeff"
    )
    return ANSWER


def decode_and_encode(event: dict[str, str], context: object) -> dict[str, int]:
    """A credential verified, and a token made of it, both by PyJWT."""
    claims = jwt.decode(
        event["credential"],
        _public_key(event["private_key"]),
        algorithms=["RS256"],
        audience=event["audience"],
        issuer=event["issuer"],
    )
    _encode(claims["sub"], "authenticated")
    return ANSWER


def _encode(subject: str, role: str, **more: str) -> str:
    now = int(time.time())
    claims: dict[str, object] = {
        "sub": subject,
        "aud": "https://instance.powersync.journeyapps.com",
        "iss": "https://abcdef0123.execute-api.us-east-1.amazonaws.com",
        "iat": now,
        "exp": now + 300,
        "role": role,
        **more,
    }
    return jwt.encode(claims, _SIGNING_KEY, "ES256", {"kid": "x" * 43})


def _public_key(pem: str) -> rsa.RSAPublicKey:
    if pem not in _public_keys:
        _public_keys[pem] = _rsa(pem).public_key()
    return _public_keys[pem]


_public_keys: dict[str, rsa.RSAPublicKey] = {}
_SIGNING_KEY = _key()
sign_es256 = _sign_es256()
