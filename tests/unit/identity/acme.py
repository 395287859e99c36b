"""A provider of two keys, and what fetches them from it."""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec

from tests.identity.key_server import public_jwk
from token_service.identity.provider_keys import ProviderKeys

KEY = public_jwk(ec.generate_private_key(ec.SECP256R1()), kid="k", alg="ES256")
OTHER = public_jwk(ec.generate_private_key(ec.SECP256R1()), kid="other", alg="ES256")


def provider_keys(uri: Callable[[], str], clock: Callable[[], float]) -> ProviderKeys:
    return ProviderKeys(
        "acme",
        uri,
        issuer="https://login.example.com",
        algorithms=None,
        on_failure=lambda: None,
        clock=clock,
    )
