"""The setting `legacyKeys`: which keys may be published beside ours, and until when."""

import json
from typing import Any

import pulumi
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from powersync_auth.advice import advice
from powersync_auth.legacy_keys import LARGEST, instant, public_jwk
from tests.identity.key_server import encode
from tests.identity.key_server import public_jwk as jwk_of
from tests.infra.configured import load
from tests.infra.plan import record

RSA = jwk_of(rsa.generate_private_key(65537, 2048), kid="powersync-0123456789", alg="RS256")
EC = jwk_of(ec.generate_private_key(ec.SECP256R1()), kid="ec", alg="ES256")
ED = jwk_of(ed25519.Ed25519PrivateKey.generate(), kid="ed", alg="EdDSA")
UNTIL = "2100-01-31"


def mistakes(*keys: Any) -> str:
    with pytest.raises(pulumi.RunError) as refusal:
        load(legacyKeys=list(keys))
    return str(refusal.value)


@pytest.mark.parametrize(
    "jwk",
    [
        RSA,
        {**RSA, "alg": "RS512"},
        EC,
        jwk_of(ec.generate_private_key(ec.SECP384R1()), kid="k", alg="ES384"),
        jwk_of(ec.generate_private_key(ec.SECP521R1()), kid="k", alg="ES512"),
        ED,
        jwk_of(ed448.Ed448PrivateKey.generate(), kid="k", alg="EdDSA"),
    ],
    ids=lambda jwk: f"{jwk['alg']} {jwk.get('crv', '')}",
)
def test_every_kind_of_key_that_powersync_verifies_is_taken(jwk: dict[str, str]) -> None:
    published = public_jwk({**jwk, "x5c": ["…"], "key_ops": ["verify"], "ext": True})
    assert published == {**jwk, "use": "sig"}


def other_curve(name: str) -> dict[str, str]:
    return {**EC, "y": EC["x"]} if name == "off" else {**EC, "crv": name}


@pytest.mark.parametrize(
    ("jwk", "should"),
    [
        ({"kty": "oct", "k": "c2VjcmV0", "kid": "s", "alg": "HS256"}, "a shared secret cannot be"),
        ({**RSA, "d": "AQAB"}, "should be the public key alone"),
        ({**EC, "d": "AQAB"}, "should be the public key alone"),
        ({k: v for k, v in RSA.items() if k != "kid"}, "should have a kid"),
        ({**RSA, "kid": ""}, "should have a kid"),
        ({**RSA, "kid": 5}, "should have a kid"),
        ({**RSA, "kid": "a\nb"}, "should have a kid"),
        ({k: v for k, v in RSA.items() if k != "alg"}, "should have alg RS256 or RS384 or RS512"),
        ({**RSA, "alg": "PS256"}, "should have alg RS256"),
        ({**EC, "alg": "ES384"}, "should have alg ES256"),
        ({**ED, "alg": "Ed25519"}, "should have alg EdDSA"),
        ({**RSA, "use": "enc"}, "should be for signatures"),
        (other_curve("off"), "should be a point of P-256"),
        ({**EC, "x": encode(b"\0" * 32), "y": encode(b"\0" * 32)}, "should be a point of P-256"),
        ({**EC, "x": encode(b"\1" * 31)}, "should have x and y of 32 bytes"),
        (other_curve("secp256k1"), "should be an RSA key, or one of a curve"),
        ({"kty": "OKP", "crv": "X25519", "x": ED["x"], "kid": "k", "alg": "EdDSA"}, "of a curve"),
        ({**ED, "x": encode(b"\1" * 31)}, "should have an x of 32 bytes"),
        ({**ED, "x": ED["x"] + "="}, "should have its members in base64url"),
        ({**ED, "x": "$"}, "should have its members in base64url"),
        ({**ED, "x": ""}, "should have its members in base64url"),
        ({**RSA, "n": 5}, "should have n, e as strings"),
        ({**RSA, "e": "Ag"}, "should be an RSA key of 2048 bits"),
        ({**RSA, "e": "AQ"}, "should be an RSA key of 2048 bits"),
        ({**RSA, "n": encode(b"\xff" * 255)}, "should be an RSA key of 2048 bits"),
        ({}, "should be an RSA key, or one of a curve"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_powersync_could_not_import_is_refused(jwk: dict[str, Any], should: str) -> None:
    """One key that fails to import would take all the others with it."""
    told = mistakes({"jwk": jwk, "until": UNTIL})
    assert "legacyKeys[0].jwk" in told
    assert should in told
    assert "c2VjcmV0" not in told


@pytest.mark.parametrize(
    ("until", "seconds"),
    [
        ("1970-01-01", 86_400),  # The end of that day.
        ("2027-01-31", 1_801_440_000),
        ("2027-01-31T00:00:00Z", 1_801_353_600),
        ("2027-01-31T01:00:00+01:00", 1_801_353_600),
    ],
)
def test_until_is_the_end_of_a_day_or_a_time(until: str, seconds: int) -> None:
    assert instant(until) == seconds


@pytest.mark.parametrize(
    "until", ["", "soon", "2027-02-30", "2027-01-31T00:00:00", "31.01.2027", "9999-12-31"]
)
def test_what_is_no_time_is_refused(until: str) -> None:
    told = mistakes({"jwk": ED, "until": until})
    assert "legacyKeys[0].until" in told
    assert 'should be a date such as "2027-01-31"' in told


def test_each_kid_stands_once() -> None:
    told = mistakes({"jwk": ED, "until": UNTIL}, {"jwk": {**EC, "kid": "ed"}, "until": UNTIL})
    assert "should have each kid once" in told


def test_they_leave_room_for_the_rest_of_a_functions_environment() -> None:
    def of(count: int) -> list[dict[str, Any]]:
        return [{"jwk": {**RSA, "kid": f"powersync-{n}"}, "until": UNTIL} for n in range(count)]

    assert len(load(legacyKeys=of(3)).former_keys) == 3
    told = mistakes(*of(5))
    assert f"should take {LARGEST} bytes together" in told


def test_the_functions_are_told_the_public_keys_and_nothing_else() -> None:
    plan = record(legacyKeys=[{"jwk": {**RSA, "x5c": ["…"]}, "until": "2027-01-31"}])
    served = json.loads(plan.environment("jwks")["LEGACY_KEYS"])
    assert served == [{"jwk": {**RSA, "use": "sig"}, "until": 1_801_440_000}]
    shown = json.loads(plan.environment("rotate")["LEGACY_KEYS"])
    assert shown == [{"kid": RSA["kid"], "alg": "RS256", "until": 1_801_440_000}]
    for name in ("auth", "auth-anonymous"):
        assert name not in plan.of("Function") or "LEGACY_KEYS" not in plan.environment(name)


def test_they_are_published_anew_before_the_jwks_function_has_them() -> None:
    """For one of them may be a revoked key of ours, which must not be served meanwhile."""
    plan = record(legacyKeys=[{"jwk": RSA, "until": UNTIL}])
    publish = plan.of("Invocation")["publish"]
    assert publish.inputs["triggers"] != record().of("Invocation")["publish"].inputs["triggers"]
    assert publish.inputs["triggers"]["legacy_keys"] == plan.environment("rotate")["LEGACY_KEYS"]


def test_without_any_nothing_is_told() -> None:
    assert record().environment("jwks")["LEGACY_KEYS"] == "[]"


def test_one_whose_time_has_passed_does_no_harm_and_is_named() -> None:
    settings = load(legacyKeys=[{"jwk": ED, "until": "2020-01-01"}, {"jwk": EC, "until": UNTIL}])
    told = [line for line in advice(settings) if "legacyKeys" in line]
    assert told == ["legacyKeys[0] is published no more: its time has passed, so take it out"]
