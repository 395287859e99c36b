"""Signing tokens, and what they carry."""

import json

import jwt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from token_service.keys.jwk import base64url_decode
from token_service.keys.key_generation import generate_private_jwk, generate_signing_key
from token_service.keys.signer import ALGORITHMS, KeyPairError, Signer, check_key_pair
from token_service.keys.tokens import TokenIssuer, TokenTooLargeError
from token_service.reserved import PROTECTED_CLAIMS

ISSUER = TokenIssuer("https://auth.example.com", ["https://powersync.example.com"], 300)
NOW = 1_800_000_000.9


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_token_of_every_algorithm_verifies_with_the_public_key(alg: str) -> None:
    key = generate_signing_key(alg, 0)
    token = ISSUER.issue(Signer.from_key(key), subject="user", role="r", now=NOW, claims={})
    public = jwt.PyJWK({**key.public_jwk, "alg": alg})
    header = jwt.get_unverified_header(token.encoded)
    options: jwt.types.Options = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(token.encoded, public, [alg], audience=ISSUER.audiences[0], options=options)
    assert header == {"alg": alg, "kid": key.kid, "typ": "JWT"}
    assert claims["exp"] == token.expires_at == int(NOW) + 300
    assert claims["iat"] == int(NOW)


def test_mapped_claims_cannot_replace_ours() -> None:
    signer = Signer.from_key(generate_signing_key("ES256", 0))
    claims = {**dict.fromkeys(PROTECTED_CLAIMS, "foreign"), "team": "a"}
    token = ISSUER.issue(signer, subject="user", role="r", now=NOW, claims=claims)
    payload = jwt.decode(token.encoded, options={"verify_signature": False})
    assert "foreign" not in payload.values()
    assert payload["team"] == "a"
    assert payload["sub"] == "user"


TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
CLAIMS = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
SIGNER = Signer.from_key(generate_signing_key("EdDSA", 0))


@given(CLAIMS)
@example("half of a pair: \ud83d")
@example({"\udc00": 10**40})
def test_a_claim_of_whatever_content_arrives_as_it_was(value: object) -> None:
    """As JSON from a login has it: that of Python takes half a surrogate pair, too."""
    token = ISSUER.issue(SIGNER, subject="user", role="r", now=NOW, claims={"mapped": value})
    payload = base64url_decode(token.encoded.split(".")[1])
    assert json.loads(payload)["mapped"] == value
    payload.decode()


def test_several_audiences_are_a_list() -> None:
    issuer = TokenIssuer("https://auth.example.com", ["a", "b"], 300)
    signer = Signer.from_key(generate_signing_key("ES256", 0))
    token = issuer.issue(signer, subject="user", role="r", now=NOW, claims={})
    assert jwt.decode(token.encoded, options={"verify_signature": False})["aud"] == ["a", "b"]


def test_a_token_too_large_for_a_header_is_refused() -> None:
    signer = Signer.from_key(generate_signing_key("ES256", 0))
    with pytest.raises(TokenTooLargeError, match="claims"):
        ISSUER.issue(signer, subject="user", role="r", now=NOW, claims={"long": "x" * 6000})


def test_keys_that_do_not_belong_together_are_found_out() -> None:
    key, other = generate_signing_key("ES256", 0), generate_signing_key("ES256", 0)
    check_key_pair(key, {**key.public_jwk, "alg": "ES256"})
    with pytest.raises(KeyPairError):
        check_key_pair(key, {**other.public_jwk, "alg": "ES256"})
    with pytest.raises(KeyPairError):
        check_key_pair(key, {**key.public_jwk, "alg": "ES384"})


def test_an_algorithm_that_powersync_does_not_take_is_refused() -> None:
    with pytest.raises(ValueError, match="PS256"):
        generate_private_jwk("PS256")
