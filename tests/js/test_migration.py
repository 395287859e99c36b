"""Moving in: tokens of a former signer and ours, judged as PowerSync does, from day to day."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from powersync_auth.legacy_keys import for_jwks, instant
from tests.api_gateway import lambda_event
from tests.conftest import Figure
from tests.identity.key_server import public_jwk
from tests.identity.service import AUDIENCE, Deployment
from tests.infra.configured import load
from tests.js.verifier import PowerSyncInstance
from tests.loopback import Request, Response, serving
from token_service.endpoints.jwks import JWKS_PATH, JwksEndpoint
from token_service.identity.providers import IdentityProviders
from token_service.settings import JwksSettings

FORMER_KEY = rsa.generate_private_key(65537, 2048)
KID = "powersync-0123456789"
"""As the original Supabase example names its one key."""

UNTIL = instant("2027-01-31")
HOUR, DAY = 3_600, 86_400
FORGOTTEN = 2 * HOUR
"""Seconds after which nobody knows the key any more: caches of an hour, and of minutes."""


@dataclass
class World:
    """Our JWKS at a URL, and a clock; `uri` is what PowerSync is configured with."""

    now: float
    legacy: list[dict[str, object]]
    uri: str = ""
    deployment: Deployment = field(init=False)

    def __post_init__(self) -> None:
        self.deployment = Deployment(IdentityProviders({}), lambda: self.now)
        settings = JwksSettings(
            "/jwks", 60, 120, {}, json.loads(for_jwks(load(legacyKeys=self.legacy).former_keys))
        )
        self.endpoint = JwksEndpoint(
            settings,
            lambda: self.deployment.published,
            lambda: self.now,
            lambda: self.now,
        )

    def respond(self, request: Request) -> Response:
        answer = self.endpoint(lambda_event(request.path, {}, request.method), None)
        status, body = answer["statusCode"], answer["body"]
        assert isinstance(status, int)
        assert isinstance(body, str)
        return Response(status, body.encode())

    def former_token(self) -> str:
        """What the former signer gives out, for the user as it knows him."""
        claims = {"sub": "alice", "aud": AUDIENCE, "iat": int(self.now), "exp": int(self.now) + 300}
        return jwt.encode(claims, FORMER_KEY, "RS256", {"kid": KID})

    def our_token(self) -> str:
        token: str = self.deployment.anonymous_token().json["token"]
        return token


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(UNTIL - 7 * DAY, request.param)
    with serving(world.respond) as origin:
        world.uri = origin + JWKS_PATH
        yield world


FORMER = {"jwk": public_jwk(FORMER_KEY, kid=KID, alg="RS256"), "until": "2027-01-31"}


@pytest.mark.parametrize("world", [[FORMER]], indirect=True, ids=["with legacyKeys"])
def test_nobody_is_refused_while_clients_move_and_the_former_signer_ends(
    world: World, figure: Figure
) -> None:
    with PowerSyncInstance(world.uri, [AUDIENCE]) as powersync:
        while world.now < UNTIL:
            for token in (world.former_token(), world.our_token()):
                verdict = powersync.verify(token, world.now)
                assert verdict.ok, verdict
                figure("tokens accepted while clients moved from a former signer, none refused", 1)
            world.now += HOUR
        world.now = UNTIL + FORGOTTEN
        powersync.verify(world.our_token(), world.now)  # What is stale is fetched again.
        for _ in range(3 * 24):
            world.now += HOUR
            former = powersync.verify(world.former_token(), world.now)
            assert (former.ok, former.code) == (False, "PSYNC_S2101")
            assert powersync.verify(world.our_token(), world.now).ok
            figure("tokens of a former signer refused after its time", 1)


@pytest.mark.parametrize("world", [[]], indirect=True, ids=["without"])
def test_without_the_setting_every_token_of_the_former_signer_is_refused(world: World) -> None:
    with PowerSyncInstance(world.uri, [AUDIENCE]) as powersync:
        assert powersync.verify(world.our_token(), world.now).ok
        verdict = powersync.verify(world.former_token(), world.now)
        assert (verdict.ok, verdict.code) == (False, "PSYNC_S2101")


@pytest.mark.parametrize("world", [[FORMER]], indirect=True, ids=["with legacyKeys"])
def test_a_former_key_is_served_until_its_end_and_never_again(world: World) -> None:
    def kids() -> list[str]:
        response = world.respond(Request("GET", JWKS_PATH, {}, b""))
        return [key["kid"] for key in json.loads(response.body)["keys"]]

    world.now = UNTIL - 61
    assert kids()[-1] == KID
    world.now = UNTIL
    assert KID not in kids()
    assert set(kids()) == {key.kid for key in world.deployment.ring.keys}
    for later in (1, DAY, 365 * DAY):
        world.now = UNTIL + later
        assert KID not in kids()
