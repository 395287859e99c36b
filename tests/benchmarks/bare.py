"""The limit: nothing but the signature, or the verification, as `cryptography` makes it.

These look like handlers, so that the same worker measures them. `start_up` events carry the key
or the signature, which are made ready once.
"""

from collections.abc import Callable

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


sign_es256 = _sign_es256()
