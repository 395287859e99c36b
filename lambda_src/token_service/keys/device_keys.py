"""What authenticates device tokens: a secret of each signing key, which outlives its private half.

Device tokens come back to nobody but this service, so they need no signature that others verify:
HMAC takes a hundredth of the time of one. The secret is derived from the private key, one way, so
whoever has it can sign nothing for PowerSync; and it goes when its key is revoked.
"""

import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from token_service.keys.jwk import Jwk, base64url_decode, base64url_encode, segment

DEVICE_TYPE = "device+jwt"
"""The header `typ` of a device token (explicit typing, RFC 8725 §3.11)."""

_HASH = "sha256"
_SECRET_BYTES = 32
_PURPOSE = b"powersync-auth device tokens"
"""What the secret is derived for; another purpose would have another secret."""


def device_secret(private_jwk: Jwk) -> str:
    """The secret that goes with a private key: 32 bytes in base64url.

    All kinds of keys have their private part in `d` (RFC 7518 §6.2.2, §6.3.2, RFC 8037 §2). Raises
    `ValueError` for a key without a readable one.
    """
    private_part = private_jwk.get("d")
    if not private_part or not isinstance(private_part, str):
        raise ValueError("a private key without d")
    return base64url_encode(hmac.digest(base64url_decode(private_part), _PURPOSE, _HASH)).decode()


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """Authenticates device tokens: JWTs with `alg` `HS256` (RFC 7518 §3.2)."""

    header: bytes
    _prepared: HMAC = field(repr=False)

    @classmethod
    def of(cls, kid: str, secret: str) -> "DeviceKey":
        """The key with a `device_secret`; raises `ValueError` for what is none."""
        decoded = base64url_decode(secret)
        if len(decoded) != _SECRET_BYTES:
            raise ValueError(f"a device secret has {_SECRET_BYTES} bytes")
        return cls(
            segment({"alg": "HS256", "kid": kid, "typ": DEVICE_TYPE}),
            HMAC(decoded, SHA256()),
        )

    def code(self, content: bytes) -> bytes:
        """The third segment of a token whose first two are `content`."""
        mac = self._prepared.copy()
        mac.update(content)
        return base64url_encode(mac.finalize())


class DeviceKeys:
    """Gives device tokens with the current key; knows again what any of the ring's keys has given.

    Revoked keys are not among `others`.
    """

    def __init__(self, current: DeviceKey, others: Iterable[DeviceKey]) -> None:
        self._current = current
        self._by_header = {key.header: key for key in (*others, current)}

    def token(self, claims: bytes) -> str:
        """The claims, in JSON, as a device token in compact serialization (RFC 7515 §7.1)."""
        content = self._current.header + b"." + base64url_encode(claims)
        return (content + b"." + self._current.code(content)).decode()

    def claims(self, token: str) -> Mapping[str, object] | None:
        """The claims of a device token that one of these keys has given; None for anything else.

        Nothing is parsed before it is known to be of our own making, not even the header: ours has
        one spelling for each key, and so has the code.
        """
        content, _, code = token.encode(errors="replace").rpartition(b".")
        header, _, payload = content.partition(b".")
        key = self._by_header.get(header)
        if key is None or not hmac.compare_digest(key.code(content), code):
            return None
        claims: Mapping[str, object] = json.loads(base64url_decode(payload.decode()))
        return claims
