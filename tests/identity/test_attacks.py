"""What somebody without a right to a token may try: each has its status, and none gets a token."""

import base64
import json
import time

import jwt
import pytest
from jwt.utils import der_to_raw_signature

from tests.conftest import Figure
from tests.identity.attacks import ATTACKS, IN_DER, REQUESTS
from tests.identity.clock import MovableClock
from tests.identity.forgery import (
    CLIENT,
    EC_KEY,
    ED_KEY,
    KEYS,
    RSA_KEY,
    STRANGER,
    claims,
    header,
    hmac_signed,
    pem,
    raw_claims,
    signed,
    trusting,
    with_signature,
)
from tests.identity.key_server import KeyServer, PrivateKey, encode, public_jwk, sign
from tests.identity.service import ISSUER, REMEMBER, Answer, Deployment
from token_service.identity.providers import IdentityProviders


def assert_refused(answer: Answer, status: int, error: str | None) -> None:
    assert answer.status == status
    content = answer.json
    assert content.get("error") == error
    assert "token" not in content
    assert content.keys() <= {"error", "error_description"}
    assert "Traceback" not in answer.body
    if status == 401:
        challenge = 'Bearer error="invalid_token"' if error else "Bearer"
        assert answer.headers["www-authenticate"] == challenge


@pytest.mark.parametrize(
    ("alg", "kid", "key"),
    [("RS256", "rsa", RSA_KEY), ("ES256", "ec", EC_KEY), ("EdDSA", "ed", ED_KEY)],
)
def test_what_the_attacks_are_made_from_would_get_a_token(
    alg: str, kid: str, key: PrivateKey, deployment: Deployment
) -> None:
    assert deployment.token(signed(head=header(alg, kid), key=key, alg=alg)).status == 200
    assert deployment.token(signed(raw_claims(x="[" * 31 + "]" * 31))).status == 200


def test_a_token_made_by_hand_is_the_one_that_pyjwt_makes() -> None:
    content = claims()
    token = jwt.encode(content, RSA_KEY, "RS256", headers={"kid": "rsa"})
    head = jwt.get_unverified_header(token)
    assert head == header()
    assert sign(head, content, RSA_KEY, "RS256") == token


def test_the_signature_in_der_is_right_but_for_its_form(deployment: Deployment) -> None:
    signing_input, _, signature = IN_DER.rpartition(".")
    raw = der_to_raw_signature(base64.urlsafe_b64decode(signature + "=="), EC_KEY.curve)
    assert deployment.token(f"{signing_input}.{encode(raw)}").status == 200


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_is_refused(attack: str, deployment: Deployment, figure: Figure) -> None:
    assert_refused(deployment.token(ATTACKS[attack]), 401, "invalid_token")
    figure("attacks on the token endpoint, all refused", 1)


@pytest.mark.parametrize("request_name", REQUESTS)
def test_request_is_refused(request_name: str, deployment: Deployment, figure: Figure) -> None:
    headers, status, error = REQUESTS[request_name]
    assert_refused(deployment.get("/token", headers), status, error)
    figure("attacks on the token endpoint, all refused", 1)


@pytest.mark.parametrize("member", ["jku", "x5u"])
def test_a_key_elsewhere_is_refused_and_nothing_is_fetched(
    member: str, deployment: Deployment, figure: Figure
) -> None:
    with KeyServer(keys=[public_jwk(STRANGER, kid="theirs", alg="RS256")]) as theirs:
        head = header(kid="theirs", **{member: theirs.uri})
        assert_refused(deployment.token(signed(head=head, key=STRANGER)), 401, "invalid_token")
        assert theirs.requests == []
    figure("attacks on the token endpoint, all refused", 1)


def test_tokens_of_ours_are_no_login_credential(deployment: Deployment, figure: Figure) -> None:
    anonymous = deployment.anonymous_token().json
    current = deployment.token(signed()).json["token"]
    for token in (anonymous["token"], anonymous["deviceToken"], current):
        assert_refused(deployment.token(token), 401, "invalid_token")
        figure("attacks on the token endpoint, all refused", 1)


def test_what_powersync_gets_is_accepted_for_nothing(
    deployment: Deployment, figure: Figure
) -> None:
    """PowerSync, and every proxy and log on the way to it, sees that token."""
    first = deployment.anonymous_token().json
    user = deployment.token(signed()).json
    for seen in (first["token"], user["token"]):
        assert deployment.anonymous_token(seen).json["userId"] not in {first["userId"], "mallory"}
        assert "previous_sub" not in deployment.token(signed(), seen).claims
        figure("attacks on the token endpoint, all refused", 2)
    assert deployment.anonymous_token(first["deviceToken"]).json["userId"] == first["userId"]


def test_a_device_token_is_for_this_service_alone(deployment: Deployment) -> None:
    """PowerSync looks at `alg` and `aud`, not at `typ`."""
    answer = deployment.anonymous_token().json
    token = answer["deviceToken"]
    claims = jwt.decode(token, options={"verify_signature": False})
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["typ"]) == ("HS256", "device+jwt")
    assert (claims["iss"], claims["aud"], claims["sub"]) == (ISSUER, ISSUER, answer["userId"])
    assert claims["exp"] - claims["iat"] == REMEMBER
    assert claims.keys() == {"iss", "aud", "sub", "iat", "exp"}


def test_who_signs_in_says_which_device_and_since_when_it_was_proven(
    deployment: Deployment,
) -> None:
    device = deployment.anonymous_token().json
    claims = deployment.token(signed(), device["deviceToken"]).claims
    shown = jwt.decode(device["deviceToken"], options={"verify_signature": False})
    assert claims["previous_sub"] == device["userId"]
    assert claims["previous_iat"] == shown["iat"]
    assert "deviceToken" not in deployment.token(signed(), device["deviceToken"]).json


def test_this_service_cannot_be_its_own_identity_provider() -> None:
    for issuer in (ISSUER, ISSUER + "/"):
        settings = {"issuer": issuer, "audiences": [CLIENT]}
        with pytest.raises(ValueError, match="this service itself"):
            IdentityProviders.from_settings([settings], own_issuer=ISSUER, clock=time.time)


def test_a_flood_of_unknown_kids_fetches_the_keys_once_in_30_seconds(
    clock: MovableClock, figure: Figure
) -> None:
    with KeyServer(keys=list(KEYS)) as server:
        deployment = trusting(server, clock)
        assert deployment.token(signed()).status == 200
        assert len(server.requests) == 1
        for number in range(1000):
            token = with_signature(bytes(256), f"unknown-{number}", "RS256")
            assert_refused(deployment.token(token), 401, "invalid_token")
        assert len(server.requests) == 2
        assert deployment.token(signed()).status == 200
        clock.ahead += 31
        for number in range(5):
            token = with_signature(bytes(256), f"unknown-{number}", "RS256")
            assert_refused(deployment.token(token), 401, "invalid_token")
        assert len(server.requests) == 3
    figure("tokens with unknown kids in a flood, all refused", 1000)
    figure("fetches of keys that the flood caused", 1)


SECRETS = {
    "a symmetric key": {"kty": "oct", "kid": "secret", "k": encode(b"secret" * 8), "alg": "HS256"},
    "a symmetric key without alg": {"kty": "oct", "kid": "rsa", "k": encode(pem(RSA_KEY))},
    "a private key": {**public_jwk(STRANGER, kid="private", alg="RS256"), "d": "AQAB"},
}


@pytest.mark.parametrize("secret", SECRETS)
def test_a_key_set_that_holds_a_secret_is_not_believed(
    secret: str, clock: MovableClock, figure: Figure
) -> None:
    with KeyServer(keys=[*KEYS, SECRETS[secret]]) as server:
        deployment = trusting(server, clock)
        assert_refused(deployment.token(signed()), 503, "not_configured")
        forged = hmac_signed(b"secret" * 8)
        assert_refused(deployment.token(forged), 401, "invalid_token")
    figure("attacks on the token endpoint, all refused", 2)


GARBAGE = {
    "no JSON": b"<html>",
    "two sets of keys": b'{"keys": [], "keys": []}',
    "nested 100,000 deep": b'{"keys": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "half of a set": json.dumps({"keys": [KEYS[0]] * 1000}).encode()[:200_000],
    "more than 256 KiB": json.dumps({"keys": [KEYS[0]], "x": "x" * 262_144}).encode(),
}


@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_key_set_that_is_none_proves_nothing(
    garbage: str, clock: MovableClock, figure: Figure
) -> None:
    with KeyServer(answer=GARBAGE[garbage]) as server:
        answer = trusting(server, clock).token(signed())
        assert_refused(answer, 503, "temporarily_unavailable")
    figure("attacks on the token endpoint, all refused", 1)
