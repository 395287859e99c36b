"""A stand-in for identity providers: its keys, and tokens of whatever shape theirs have."""

import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.identity.key_server import KeyServer, PrivateKey, public_jwk, sign
from token_service.identity.providers import Caller, IdentityProviders

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
EC384_KEY = ec.generate_private_key(ec.SECP384R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()

KEYS = [
    public_jwk(RSA_KEY, kid="k", use="sig"),  # Without alg, as Entra's keys are.
    public_jwk(EC_KEY, kid="ec", alg="ES256"),
    public_jwk(EC384_KEY, kid="ec384", alg="ES384"),
    public_jwk(ED_KEY, kid="ed", alg="EdDSA"),
    public_jwk(ED_KEY, kid="ed25519", alg="Ed25519"),
]


def caller(
    server: KeyServer,
    item: dict[str, Any],
    claims: dict[str, Any],
    header: dict[str, Any] | None = None,
    key: PrivateKey = RSA_KEY,
) -> Caller:
    """Who is calling with a token of this provider; its keys come from `server`."""
    item = {name: value for name, value in item.items() if name != "checkSession"}
    providers = IdentityProviders.from_settings(
        [{**item, "jwksUri": server.uri}],
        own_issuer="https://tokens.test",
        clock=time.time,
        allow_nearby_http=True,
    )
    now = int(time.time())
    header = header or {"alg": "RS256", "kid": "k"}
    payload = {"iss": item["issuer"], "iat": now, "exp": now + 300, **claims}
    alg = "EdDSA" if header["alg"] == "Ed25519" else header["alg"]
    return providers.authenticate(sign(header, payload, key, alg))
