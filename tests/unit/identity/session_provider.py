"""A provider whose sessions can be asked about, and tokens of its users."""

import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec

from tests.identity.clock import MovableClock
from tests.identity.key_server import sign
from token_service.identity.providers import Caller, IdentityProviders

KEY = ec.generate_private_key(ec.SECP256R1())
ISSUER = "https://login.example.com"

Authenticate = Callable[..., Caller]
"""Judges a credential, or a fresh one, by a provider with these members of `checkSession`."""


def token(**claims: object) -> str:
    payload = {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "app",
        "token_use": "access",
        "exp": int(time.time()) + 300,
        **claims,
    }
    return sign({"alg": "ES256", "kid": "k"}, payload, KEY, "ES256")


def providers(clock: MovableClock, **more: object) -> IdentityProviders:
    item = {"issuer": ISSUER, "audiences": ["app"], "tokenUse": "access", **more}
    return IdentityProviders.from_settings(
        [item], own_issuer="https://tokens.test", clock=clock, allow_nearby_http=True
    )
