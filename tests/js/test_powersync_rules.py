"""PowerSync's rules as doctor has them, beside jose, which judges the same tokens."""

import json
import random
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519

from operate.doctor.powersync_rules import Verdict, judge
from operate.doctor.published_keys import KeySetError, read_key_set
from tests.conftest import Figure
from tests.identity.key_server import KeyServer, as_segment, encode, public_jwk, sign
from tests.js.verifier import PowerSyncInstance

AUDIENCE = "https://instance.powersync.test"
NOW = 1_800_000_000

P256 = ec.generate_private_key(ec.SECP256R1())
KEYS: dict[str, tuple[Any, str]] = {
    "p256": (P256, "ES256"),
    "p384": (ec.generate_private_key(ec.SECP384R1()), "ES384"),
    "p521": (ec.generate_private_key(ec.SECP521R1()), "ES512"),
    "rsa": (rsa.generate_private_key(65537, 2048), "RS256"),
    "small": (rsa.generate_private_key(65537, 1024), "RS256"),
    "ed25519": (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
    "ed448": (ed448.Ed448PrivateKey.generate(), "EdDSA"),
}
GOOD = {"sub": "alice", "aud": AUDIENCE, "iat": NOW, "exp": NOW + 300}
OTHER = ec.generate_private_key(ec.SECP256R1())


def published(kid: str, /, **members: object) -> dict[str, Any]:
    key, alg = KEYS[kid]
    return {**public_jwk(key, kid=kid, alg=alg, use="sig"), **members}


def public_x25519() -> dict[str, str]:
    raw = x25519.X25519PrivateKey.generate().public_key().public_bytes_raw()
    return {"kty": "OKP", "crv": "X25519", "x": encode(raw), "kid": "b"}


SET = [published(kid) for kid in KEYS]


def token(claims: object = GOOD, kid: str = "p256", **header: object) -> str:
    key, alg = KEYS[kid]
    return sign({"alg": alg, "kid": kid, **header}, claims, key, alg)


def changed(**claims: object) -> dict[str, object]:
    return {**GOOD, **claims}


def without(*names: str) -> dict[str, object]:
    return {name: value for name, value in GOOD.items() if name not in names}


def tampered(encoded: str, segment: int, text: str) -> str:
    segments = encoded.split(".")
    segments[segment] = text
    return ".".join(segments)


def unsigned(header: object, claims: object = GOOD) -> str:
    return f"{as_segment(header)}.{as_segment(claims)}."


HS256 = jwt.encode(GOOD, "a secret that is long enough for HS256", "HS256", {"kid": "p256"})

TOKENS: dict[str, tuple[str, str | None]] = {
    **{f"good {kid}": (token(kid=kid), None) for kid in KEYS if kid != "small"},
    "an RSA key of 1,024 bits": (token(kid="small"), "PSYNC_S2101"),
    "nothing": ("", "PSYNC_S2106"),
    "a word": ("opaque", "PSYNC_S2101"),
    "two segments": ("a.b", "PSYNC_S2101"),
    "five segments": ("a.b.c.d.e", "PSYNC_S2101"),
    "no JSON": ("a.b.c", "PSYNC_S2101"),
    "a header that is a list": (tampered(token(), 0, as_segment([])), "PSYNC_S2101"),
    "an empty header": (tampered(token(), 0, ""), "PSYNC_S2101"),
    "no alg": (unsigned({"kid": "p256"}), "PSYNC_S2101"),
    "alg none": (unsigned({"alg": "none", "kid": "p256"}), "PSYNC_S2101"),
    "alg a number": (unsigned({"alg": 5, "kid": "p256"}), "PSYNC_S2101"),
    "HS256": (HS256, "PSYNC_S2101"),
    "PS256": (sign({"alg": "PS256", "kid": "rsa"}, GOOD, KEYS["rsa"][0], "PS256"), "PSYNC_S2101"),
    "RS512 by a key for RS256": (
        sign({"alg": "RS512", "kid": "rsa"}, GOOD, KEYS["rsa"][0], "RS512"),
        "PSYNC_S2101",
    ),
    "Ed25519 for EdDSA": (token(kid="ed25519", alg="Ed25519"), "PSYNC_S2101"),
    "crit": (token(crit=["exp"]), "PSYNC_S2101"),
    "crit, empty": (token(crit=[]), "PSYNC_S2101"),
    "crit that is understood": (token(crit=["b64"], b64=True), None),
    "an unencoded payload": (token(crit=["b64"], b64=False), "PSYNC_S2101"),
    "an unknown kid": (sign({"alg": "ES256", "kid": "gone"}, GOOD, P256, "ES256"), "PSYNC_S2101"),
    "no kid": (sign({"alg": "ES256"}, GOOD, P256, "ES256"), "PSYNC_S2101"),
    "an empty kid": (sign({"alg": "ES256", "kid": ""}, GOOD, P256, "ES256"), "PSYNC_S2101"),
    "another key": (sign({"alg": "ES256", "kid": "p256"}, GOOD, OTHER, "ES256"), "PSYNC_S2101"),
    "another payload": (tampered(token(), 1, as_segment(changed(sub="mallory"))), "PSYNC_S2101"),
    "no signature": (tampered(token(), 2, ""), "PSYNC_S2101"),
    "a payload that is a list": (token([]), "PSYNC_S2101"),
    "a payload that is no JSON": (token("{"), "PSYNC_S2101"),
    "a payload with NaN": (token('{"sub": NaN}'), "PSYNC_S2101"),
    "padding": (token() + "==", None),
    "no sub": (token(without("sub")), "PSYNC_S2101"),
    "no iat": (token(without("iat")), "PSYNC_S2101"),
    "no exp": (token(without("exp")), "PSYNC_S2101"),
    "sub null": (token(changed(sub=None)), None),
    "exp a string": (token(changed(exp=str(NOW + 300))), "PSYNC_S2101"),
    "exp true": (token(changed(exp=True)), "PSYNC_S2101"),
    "exp null": (token(changed(exp=None)), "PSYNC_S2101"),
    "iat a string": (token(changed(iat="now")), "PSYNC_S2101"),
    "exp with a fraction": (token(changed(exp=NOW + 0.5)), None),
    "expired 59 s ago": (token(changed(iat=NOW - 300, exp=NOW - 59)), None),
    "expired 60 s ago": (token(changed(iat=NOW - 300, exp=NOW - 60)), "PSYNC_S2103"),
    "iat in the future": (token(changed(iat=NOW + 3000, exp=NOW + 3300)), None),
    "nbf in 60 s": (token(changed(nbf=NOW + 60)), None),
    "nbf in 61 s": (token(changed(nbf=NOW + 61)), "PSYNC_S2101"),
    "nbf a string": (token(changed(nbf="now")), "PSYNC_S2101"),
    "no aud": (token(without("aud")), "PSYNC_S2105"),
    "aud null": (token(changed(aud=None)), "PSYNC_S2105"),
    "aud another": (token(changed(aud="https://elsewhere.test")), "PSYNC_S2105"),
    "aud with a slash": (token(changed(aud=f"{AUDIENCE}/")), "PSYNC_S2105"),
    "aud empty": (token(changed(aud=[])), "PSYNC_S2105"),
    "aud an object": (token(changed(aud={"a": AUDIENCE})), "PSYNC_S2105"),
    "aud among others": (token(changed(aud=[5, "x", AUDIENCE])), None),
    "a day": (token(changed(exp=NOW + 86_400)), None),
    "more than a day": (token(changed(exp=NOW + 86_401)), "PSYNC_S2104"),
    "parameters an object": (token(changed(parameters={"a": 1})), None),
    "parameters null": (token(changed(parameters=None)), None),
    "parameters text": (token(changed(parameters="a")), "PSYNC_S2101"),
    "parameters a list": (token(changed(parameters=[])), "PSYNC_S2101"),
    "parameters false": (token(changed(parameters=False)), "PSYNC_S2101"),
    "expired, for another audience": (
        token(changed(aud="x", iat=NOW - 900, exp=NOW - 600)),
        "PSYNC_S2103",
    ),
}
"""By what is the matter with it, a token and PowerSync's code for it."""

P256_WILDCARD = {k: v for k, v in published("p256").items() if k not in ("kid", "alg")}
PRIVATE = jwt.algorithms.ECAlgorithm.to_jwk(P256, as_dict=True)

KEY_SETS: dict[str, tuple[object, str, str | None]] = {
    "a wildcard": ({"keys": [P256_WILDCARD]}, token(), None),
    "a wildcard that does not fit": (
        {"keys": [{**P256_WILDCARD, "alg": "ES384"}]},
        token(),
        "PSYNC_S2101",
    ),
    "a wildcard, another's token": (
        {"keys": [P256_WILDCARD]},
        sign({"alg": "ES256"}, GOOD, OTHER, "ES256"),
        "PSYNC_S2101",
    ),
    "a key without alg": ({"keys": [published("p256", alg=None)]}, token(), None),
    "no keys": ({"keys": []}, token(), "PSYNC_S2101"),
    "keys that are a map": ({"keys": {}}, token(), "PSYNC_S2204"),
    "a bare list": (SET, token(), "PSYNC_S2204"),
    "keys that are texts": ({"keys": ["a"]}, token(), "PSYNC_S2204"),
    "one broken key": (
        {"keys": [*SET, published("p256", kid="b", x="AA")]},
        token(),
        "PSYNC_S2201",
    ),
    "a broken RSA key": ({"keys": [*SET, {"kty": "RSA", "kid": "b"}]}, token(), "PSYNC_S2201"),
    "a broken OKP key": (
        {"keys": [*SET, {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "b"}]},
        token(),
        "PSYNC_S2201",
    ),
    "a broken key for encryption": (
        {"keys": [*SET, published("p256", kid="b", x="AA", use="enc")]},
        token(),
        None,
    ),
    "a key of another type": ({"keys": [*SET, {"kty": "AKP", "kid": "b"}]}, token(), None),
    "a key for key agreement": (
        {"keys": [public_x25519(), *SET]},
        token(),
        None,
    ),
    "its own key for encryption": (
        {"keys": [published("p256", use="enc")]},
        token(),
        "PSYNC_S2101",
    ),
    "its own key for signing": (
        {"keys": [published("p256", key_ops=["sign"])]},
        token(),
        "PSYNC_S2101",
    ),
    "its own key, private": ({"keys": [{**PRIVATE, "kid": "p256"}]}, token(), None),
    "RS512 by a key without alg": (
        {"keys": [published("rsa", alg=None)]},
        sign({"alg": "RS512", "kid": "rsa"}, GOOD, KEYS["rsa"][0], "RS512"),
        None,
    ),
    "ES384 by a P-256 key": (
        {"keys": [published("p256", alg="ES384")]},
        sign({"alg": "ES384", "kid": "p256"}, GOOD, KEYS["p384"][0], "ES384"),
        "PSYNC_S2101",
    ),
}
"""By what is the matter with it, a key set, a token and PowerSync's code."""


def verdict(document: object, encoded: str, now: int = NOW) -> Verdict:
    try:
        keys = read_key_set(document)
    except KeySetError as error:
        return judge(encoded, error, [AUDIENCE], now)
    return judge(encoded, keys, [AUDIENCE], now)


@pytest.fixture(scope="module")
def instance() -> Iterator[PowerSyncInstance]:
    document = json.dumps({"keys": SET}).encode()
    with (
        KeyServer(answer=document) as server,
        PowerSyncInstance(server.uri, [AUDIENCE]) as running,
    ):
        yield running


@pytest.mark.parametrize("what", TOKENS)
def test_doctor_and_jose_judge_a_token_alike(what: str, instance: PowerSyncInstance) -> None:
    encoded, code = TOKENS[what]
    assert verdict({"keys": SET}, encoded).code == code
    assert instance.verify(encoded, NOW).code == code


def test_doctor_and_jose_judge_key_sets_alike(figure: Figure) -> None:
    """One instance whose keys are too old after a second, and a clock that goes on by two."""
    with KeyServer() as server, PowerSyncInstance(server.uri, [AUDIENCE], 1) as running:
        for index, (what, (document, encoded, code)) in enumerate(KEY_SETS.items()):
            server.answer = json.dumps(document).encode()
            now = NOW + 2 * index
            assert verdict(document, encoded, now).code == code, what
            assert running.verify(encoded, now).code == code, what
            assert len(server.requests) == index + 1
            figure("key sets that doctor and jose judge alike", 1)


def test_doctor_and_jose_judge_damaged_tokens_alike(
    instance: PowerSyncInstance, figure: Figure
) -> None:
    """Characters changed, taken out and put in, anywhere; reproducible, and different tokens."""
    chance = random.Random(7)
    whole = [encoded for encoded, _ in TOKENS.values() if encoded.count(".") == 2]
    for _ in range(400):
        damaged = list(chance.choice(whole))
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(damaged))
            damaged[at : at + chance.randint(0, 2)] = chance.choice(
                ["", "A", "-", "=", ".", "e", "~"]
            )
        encoded = "".join(damaged)
        ours, theirs = verdict({"keys": SET}, encoded).code, instance.verify(encoded, NOW).code
        assert ours == theirs, encoded
        figure("damaged tokens that doctor and jose judge alike", 1)


def test_every_step_has_an_outcome_or_was_not_reached() -> None:
    refused = verdict({"keys": SET}, TOKENS["aud with a slash"][0])
    assert [step.name for step in refused.steps if step.ok] == [
        *("form", "algorithm", "key", "key algorithm", "signature", "required claims", "times")
    ]
    assert refused.failed is not None
    assert refused.failed.name == "audience"
    assert [step.name for step in refused.steps if step.ok is None] == ["lifetime", "parameters"]
    accepted = verdict({"keys": SET}, token())
    assert accepted.accepted
    assert all(step.ok for step in accepted.steps)
    assert accepted.claims["sub"] == "alice"


def test_a_verdict_never_holds_the_signature() -> None:
    for encoded, _ in TOKENS.values():
        signature = encoded.rpartition(".")[2].rstrip("=")
        if len(signature) > 40:
            assert signature not in repr(verdict({"keys": SET}, encoded))
