"""What anonymous devices come with: the tokens that they were given."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from token_service.endpoints.anonymous import AnonymousSubjects, FormerTokens
from token_service.keys.device_keys import DeviceKey, DeviceKeys
from token_service.keys.jwk import compact_json, segment
from token_service.keys.key_generation import generate_signing_key
from token_service.keys.keyring import SigningKey
from token_service.keys.signer import Signer
from token_service.keys.tokens import TokenIssuer

NOW = 1_800_000_000
DAY = 86_400


@dataclass
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


def make_key(alg: str = "ES256") -> SigningKey:
    return generate_signing_key(alg, NOW)


ISSUER = "https://tokens.test"
INSTANCE = "https://instance.test"


def device_token(key: SigningKey, subject: str, now: float = NOW, **changes: object) -> str:
    """As the service gives it out, but for what is changed; None takes a claim out."""
    claims = {"iss": ISSUER, "aud": ISSUER, "sub": subject, "iat": now, "exp": now + 30 * DAY}
    kept = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    assert key.device_secret is not None
    keys = DeviceKeys(DeviceKey.of(key.kid, key.device_secret), [])
    return keys.token(compact_json(kept).encode())


def signed(key: SigningKey, typ: str, claims: Mapping[str, object]) -> str:
    """Signed by the key itself, as PowerSync tokens are."""
    content = segment({"alg": key.alg, "kid": key.kid, "typ": typ}) + b"." + segment(claims)
    signature = base64.urlsafe_b64encode(Signer.from_key(key).sign(content)).rstrip(b"=")
    return (content + b"." + signature).decode()


def powersync_token(
    key: SigningKey, subject: str, role: str = "anonymous", now: float = NOW, jti: str | None = None
) -> str:
    """As the former release gave it out, which had no `jti`; devices kept that one."""
    issuer = TokenIssuer(ISSUER, [INSTANCE], 300)
    signer = Signer.from_key(key)
    return issuer.issue(
        signer, subject=subject, role=role, now=now, claims={}, token_id=jti
    ).encoded


def remembering(
    clock: Clock, former: FormerTokens = FormerTokens.EXCHANGE, seconds: int = 30 * DAY
) -> AnonymousSubjects:
    return AnonymousSubjects("per-device", seconds, ISSUER, former, clock)
