"""Which keys of a provider's set are used, and for what."""

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed448, rsa

from tests.identity.key_server import encode, public_jwk
from tests.unit.identity.stand_in import EC_KEY, ED_KEY, RSA_KEY
from token_service.identity import verification
from token_service.identity.verification import (
    MOST_KEYS,
    KeySet,
    UnusableKeyError,
    VerificationKey,
    read_key_set,
)

ISSUER = "https://login.example.com"
RSA = public_jwk(RSA_KEY, kid="rsa", alg="RS256")
EC = public_jwk(EC_KEY, kid="ec", alg="ES256")
ED = public_jwk(ED_KEY, kid="ed", alg="EdDSA")


def read(*jwks: object, issuer: str = ISSUER, allowed: frozenset[str] | None = None) -> KeySet:
    return read_key_set({"keys": list(jwks)}, allowed, "acme", issuer)


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_a_set_with_any_secret_member_is_refused_whole(member: str) -> None:
    """RFC 7518 §6.2.2, §6.3.2, §6.4.1, RFC 8037 §2."""
    values: tuple[object, ...] = ("AQAB", "", 5, [])
    for value in values:
        with pytest.raises(UnusableKeyError, match="symmetric or private"):
            read(RSA, {**EC, member: value})


def test_a_set_with_a_symmetric_key_is_refused_whole() -> None:
    with pytest.raises(UnusableKeyError, match="symmetric or private"):
        read(RSA, {"kty": "oct"})


@pytest.mark.parametrize(
    "nulls",
    [
        {"use": None},
        {"key_ops": None},
        {"d": None},
        {"alg": None},
        {"issuer": None},
        {"use": None, "key_ops": None, "k": None, "oth": None, "x5c": None},
    ],
    ids=str,
)
def test_null_counts_as_absent(nulls: dict[str, None]) -> None:
    for jwk in (RSA, EC, ED):
        keys = read({**jwk, **nulls})
        assert keys.by_kid.keys() == {jwk["kid"]}


def test_nulls_are_looked_for_once_in_each_key(monkeypatch: pytest.MonkeyPatch) -> None:
    without_nulls, seen = verification._without_nulls, []

    def counted(jwk: Mapping[str, object]) -> Mapping[str, object]:
        seen.append(jwk)
        return without_nulls(jwk)

    monkeypatch.setattr(verification, "_without_nulls", counted)
    read(RSA, EC, ED)
    assert seen == [RSA, EC, ED]


def test_a_key_without_kid_is_used_by_tokens_without_kid_alone() -> None:
    for kid in ({}, {"kid": None}):
        keys = read({**public_jwk(EC_KEY), **kid}, RSA)
        assert keys.by_kid.keys() == {"rsa"}
        assert keys.only("ES256") is not None
    # One that has a kid will do, too, where no other fits.
    assert read(RSA, EC).only("ES256") == read(RSA, EC).by_kid["ec"]


@pytest.mark.parametrize(
    ("jwks", "alg", "found"),
    [
        ([EC], "ES256", True),
        ([EC, RSA, ED], "ES256", True),
        ([EC, {**EC, "kid": "other"}], "ES256", False),
        ([EC, {**EC, "kid": None}], "ES256", False),
        ([EC, public_jwk(EC_KEY)], "ES256", False),
        ([RSA, {**RSA, "kid": "other", "alg": "PS256"}], "RS256", True),
        ([RSA, {**RSA, "kid": "other", "use": "enc"}], "RS256", True),
        ([{**RSA, "alg": None}], "RS256", True),
        ([{**RSA, "alg": None}], "RS512", False),
        ([RSA], "ES256", False),
        ([ED], "Ed25519", True),
        ([ED], "Ed448", False),
    ],
)
def test_without_a_kid_exactly_one_key_has_to_fit(
    jwks: list[dict[str, Any]], alg: str, *, found: bool
) -> None:
    assert (read(*jwks).only(alg) is not None) is found


UNHEARD_OF = {
    "post-quantum": {"kty": "AKP", "kid": "pq", "alg": "ML-DSA-65", "pub": "AQAB"},
    "unknown type": {"kty": "PIGEON", "kid": "p", "x": "AQAB"},
    "unknown curve": {"kty": "EC", "kid": "c", "crv": "P-640", "x": "AQAB", "y": "AQAB"},
    "unknown algorithm": {**RSA, "kid": "a", "alg": "RS1024"},
    "no type": {"kid": "n"},
    "key agreement": {"kty": "OKP", "kid": "x", "crv": "X25519", "x": encode(b"x" * 32)},
    "secp256k1": {"kty": "EC", "kid": "k", "crv": "secp256k1", "alg": "ES256K", "x": "A", "y": "A"},
}


@pytest.mark.parametrize("what", UNHEARD_OF)
def test_what_is_not_understood_does_no_harm_to_the_others(what: str) -> None:
    """RFC 7517 §5."""
    for jwks in ([UNHEARD_OF[what], RSA], [RSA, UNHEARD_OF[what]]):
        assert read(*jwks).by_kid.keys() == {"rsa"}


def test_of_many_keys_the_first_usable_ones_are_used_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    many = [{**EC, "kid": f"ec-{number}"} for number in range(150)]
    keys = read({"kty": "PIGEON"}, *many)
    assert list(keys.by_kid) == [f"ec-{number}" for number in range(100)]
    assert MOST_KEYS == 100
    lines = [record.getMessage() for record in caplog.records]
    assert "acme: the key 'ec-100' is left out: 100 usable ones come before it" in lines
    assert lines[-1] == "acme: 31 more keys are left out"
    assert len(lines) == 21
    # A hundred are no more than the bound.
    caplog.clear()
    assert len(read(*many[:100]).by_kid) == 100
    assert caplog.records == []


@pytest.mark.parametrize("count", [1, 1_000, 20_000])
def test_a_set_full_of_nothing_fills_no_log(count: int, caplog: pytest.LogCaptureFixture) -> None:
    read(RSA, *[{}] * count)
    assert len(caplog.records) <= 21


TENANT = "11111111-2222-3333-4444-555555555555"
ENTRA = f"https://login.microsoftonline.com/{TENANT}/v2.0"
ENTRA_V1 = f"https://sts.windows.net/{TENANT}/"


@pytest.mark.parametrize(
    ("of_key", "issuer", "used"),
    [
        ("https://login.microsoftonline.com/{tenantid}/v2.0", ENTRA, True),
        (ENTRA, ENTRA, True),
        ("https://login.microsoftonline.com/{tenantid}/v2.0", ENTRA_V1, True),
        (ENTRA_V1, ENTRA_V1, True),
        (ENTRA.replace("1111", "9999"), ENTRA, False),
        (ENTRA.replace("1111", "9999"), ENTRA_V1, False),
        (ENTRA, ENTRA_V1 + "more", False),
        (ENTRA, ENTRA_V1.removesuffix("/"), False),
        (ENTRA + "/", ENTRA, False),
        ("https://login.microsoftonline.us/{tenantid}/v2.0", ENTRA, False),
        ("https://attacker.test/{tenantid}/v2.0", ENTRA, False),
        ("{tenantid}", ENTRA, False),
        (ISSUER, ISSUER, True),
        ("https://other.example.com", ISSUER, False),
        ("", ISSUER, False),
        (5, ISSUER, False),
        ([ISSUER], ISSUER, False),
        ("acme.com", "acme.com", True),
    ],
)
def test_a_key_that_says_whose_it_is_serves_nobody_else(
    of_key: object, issuer: str, *, used: bool
) -> None:
    """Entra publishes keys of several issuers in one set, each with its `issuer`."""
    keys = read({**RSA, "issuer": of_key}, EC, issuer=issuer)
    assert ("rsa" in keys.by_kid) is used


def test_the_names_of_edwards_curves_by_rfc_9864() -> None:
    ed448_key = public_jwk(ed448.Ed448PrivateKey.generate(), kid="x")
    for jwk, taken in ((ED, {"EdDSA", "Ed25519"}), (ed448_key, {"EdDSA", "Ed448"})):
        names = (None, "EdDSA", "Ed25519", "Ed448")
        for alg in names:
            named = {**jwk, "alg": alg}
            if alg is None or alg in taken:
                assert VerificationKey.from_jwk(named).algorithms.keys() == taken
            else:
                with pytest.raises(UnusableKeyError, match="algorithm is not allowed"):
                    VerificationKey.from_jwk(named)


def test_only_different_keys_under_one_kid_are_in_doubt(caplog: pytest.LogCaptureFixture) -> None:
    assert read(RSA, dict(RSA)).by_kid.keys() == {"rsa"}
    stranger = public_jwk(rsa.generate_private_key(65537, 2048), kid="rsa", alg="RS256")
    assert read(RSA, stranger, EC).by_kid.keys() == {"ec"}
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
