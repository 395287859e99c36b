"""Making signing keys, in the rotate function's memory and nowhere else (RFC 7518 §6, RFC 8037)."""

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from token_service.keys.jwk import thumbprint
from token_service.keys.keyring import SigningKey, State
from token_service.keys.signer import ALGORITHMS

RSA_KEY_BITS = {"RS256": 2048, "RS384": 3072, "RS512": 4096}
EC_CURVES: Mapping[str, type[ec.EllipticCurve]] = {
    "ES256": ec.SECP256R1,
    "ES384": ec.SECP384R1,
    "ES512": ec.SECP521R1,
}


def generate_private_jwk(alg: str) -> dict[str, str]:
    """Make a key for `alg`, one of `ALGORITHMS`; returns its private JWK."""
    if alg in EC_CURVES:
        members = ECAlgorithm.to_jwk(ec.generate_private_key(EC_CURVES[alg]()), as_dict=True)
    elif alg == "EdDSA":
        members = OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate(), as_dict=True)
    elif alg in RSA_KEY_BITS:
        key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_KEY_BITS[alg])
        members = RSAAlgorithm.to_jwk(key, as_dict=True)
    else:
        raise ValueError(f"no signing algorithm {alg!r}; choose one of {', '.join(ALGORITHMS)}")
    return {name: value for name, value in members.items() if isinstance(value, str)}


def generate_signing_key(alg: str, now: int) -> SigningKey:
    """Make a key for `alg` in state `next`; `now` is in epoch seconds."""
    private_jwk = generate_private_jwk(alg)
    return SigningKey(
        kid=thumbprint(private_jwk),
        alg=alg,
        state=State.NEXT,
        created_at=now,
        private_jwk=private_jwk,
    )
