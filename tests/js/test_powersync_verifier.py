"""The JavaScript side's own tests, and the process that Python tests judge tokens with."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from jwt.algorithms import ECAlgorithm

from tests.js.verifier import JS, NODE, PowerSyncInstance, require_node_modules
from tests.loopback import Response, serving
from tests.patience import PATIENT

AUDIENCE = "https://instance.powersync.test"
NOW = 1_800_000_000


@dataclass
class Jwks:
    """A published key set, served on loopback."""

    keys: list[dict[str, object]] = field(default_factory=list)
    uri: str = ""

    def publish(self, kid: str, key: EllipticCurvePrivateKey) -> None:
        jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        self.keys.append({**jwk, "kid": kid, "alg": "ES256", "use": "sig"})

    def document(self) -> bytes:
        return json.dumps({"keys": self.keys}).encode()


@pytest.fixture
def jwks() -> Iterator[Jwks]:
    published = Jwks()
    with serving(lambda _: Response(body=published.document())) as origin:
        published.uri = f"{origin}/jwks.json"
        yield published


def token(key: EllipticCurvePrivateKey, kid: str, now: int = NOW, **claims: object) -> str:
    usual = {"sub": "alice", "aud": AUDIENCE, "iat": now, "exp": now + 300}
    return jwt.encode({**usual, **claims}, key, "ES256", {"kid": kid})


def node(*arguments: str) -> subprocess.CompletedProcess[str]:
    require_node_modules()
    return subprocess.run(
        [str(NODE), *arguments],
        cwd=JS,
        capture_output=True,
        text=True,
        timeout=PATIENT,
        check=False,
    )


def test_the_verifier_and_the_connector_pass_their_own_tests() -> None:
    run = node("--test", "--test-reporter=tap")
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr
    counts = {name: int(n) for name, n in re.findall(r"^# (\w+) (\d+)$", run.stdout, re.MULTILINE)}
    assert counts["pass"] == counts["tests"] >= 25
    assert counts["skipped"] == counts["todo"] == 0


def test_an_instance_judges_tokens_in_order_and_keeps_its_keys(jwks: Jwks) -> None:
    key = generate_private_key(SECP256R1())
    jwks.publish("one", key)
    with PowerSyncInstance(jwks.uri, [AUDIENCE]) as instance:
        good = instance.verify(token(key, "one"), now=NOW)
        assert (good.ok, good.sub, good.kid, good.alg) == (True, "alice", "one", "ES256")
        assert instance.verify(token(key, "one", aud="https://elsewhere.test")).code == (
            "PSYNC_S2105"
        )
        assert instance.verify("not a token").code == "PSYNC_S2101"
        assert instance.verify("").code == "PSYNC_S2106"
        assert instance.verify(token(key, "one", exp=NOW - 61)).code == "PSYNC_S2103"
        assert instance.verify(token(key, "one")).refreshes == 1


def test_an_instance_lives_in_the_time_it_is_told(jwks: Jwks) -> None:
    """Sixty idle minutes: a key that was published meanwhile is unknown until they are over."""
    one, two = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    jwks.publish("one", one)
    with PowerSyncInstance(jwks.uri, [AUDIENCE]) as busy:
        assert busy.verify(token(one, "one"), now=NOW).ok
        jwks.publish("two", two)
        assert busy.verify(token(two, "two", NOW + 3590), now=NOW + 3590).code == "PSYNC_S2101"
    with PowerSyncInstance(jwks.uri, [AUDIENCE], verifier_cache_seconds=60) as scaled:
        assert scaled.verify(token(one, "one"), now=NOW).ok
        jwks.keys = jwks.keys[1:]
        assert scaled.verify(token(one, "one"), now=NOW + 61).code == "PSYNC_S2101"


def test_one_token_on_the_command_line(jwks: Jwks) -> None:
    key = generate_private_key(SECP256R1())
    jwks.publish("one", key)
    arguments = ("powersync_verifier.mjs", "--jwks-uri", jwks.uri, "--audience", AUDIENCE)
    expired = node(*arguments, token(key, "one", now=1_000_000_000))
    assert (expired.returncode, json.loads(expired.stdout)["code"]) == (1, "PSYNC_S2103")
    good = node(*arguments, token(key, "one", now=int(time.time())))
    assert (good.returncode, json.loads(good.stdout)["sub"]) == (0, "alice")
    assert node("powersync_verifier.mjs").returncode == 2
