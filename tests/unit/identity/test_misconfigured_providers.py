"""A set-up that is wrong is told from an outage: by the error, and by what the log says to do."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.identity.clock import MovableClock
from tests.identity.key_server import KeyServer, encode, public_jwk, sign
from tests.loopback import Request, Response, serving
from tests.unit.identity.stand_in import EC_KEY, RSA_KEY
from tests.unit.identity.test_provider_settings import USUAL
from token_service.identity.provider_http import (
    MISCONFIGURED_WAIT,
    IdentityProviderUnavailableError,
    MisconfiguredProviderError,
)
from token_service.identity.providers import IdentityProviders, InvalidCredentialError

GOOD = public_jwk(RSA_KEY, kid="k", alg="RS256")
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB"

WRONG_KEY_SETS: dict[str, tuple[object, str]] = {
    "an empty set": ({"keys": []}, "it holds no usable key"),
    "no keys": ({}, "it has no list of keys"),
    "keys that are no list": ({"keys": {}}, "it has no list of keys"),
    "keys that are no objects": ({"keys": [1, None, "key", []]}, "it holds no usable key"),
    "a bare array of keys": ([GOOD], "not a JSON object, as a JWKS"),
    "certificates by kid": ({"k": CERTIFICATE, "l": CERTIFICATE}, "it holds certificates by kid"),
    "keys for encryption only": ({"keys": [{**GOOD, "use": "enc"}]}, "usable key; use is not sig"),
    "a secret": ({"keys": [GOOD, {"kty": "oct", "k": encode(b"x" * 32)}]}, "symmetric or private"),
    "discovery in its place": ({"issuer": "x", "jwks_uri": "y"}, "check jwksUri"),
}


def token(alg: str = "RS256", **header: object) -> str:
    claims = {"iss": USUAL["issuer"], "sub": "u", "aud": "app", "exp": int(time.time()) + 3600}
    return sign({"alg": alg, "kid": "k", **header}, claims, RSA_KEY, "RS256")


def providers(uri: str | None, clock: MovableClock, **more: object) -> IdentityProviders:
    item: dict[str, Any] = {**USUAL, **more}
    if uri is not None:
        item["jwksUri"] = uri
    return IdentityProviders.from_settings(
        [item], own_issuer="https://tokens.test", clock=clock, allow_nearby_http=True
    )


@pytest.mark.parametrize("what", WRONG_KEY_SETS)
def test_a_key_set_that_is_none_is_a_mistake_and_no_outage(what: str, clock: MovableClock) -> None:
    document, reason = WRONG_KEY_SETS[what]
    with KeyServer(answer=json.dumps(document).encode()) as server:
        asked = providers(server.uri, clock, name="acme")
        for _ in range(20):
            with pytest.raises(MisconfiguredProviderError, match=rf"^acme: .*{reason}") as mistake:
                asked.authenticate(token())
            assert mistake.value.retry_after >= MISCONFIGURED_WAIT
        assert len(server.requests) == 1
        # It is looked at again, so what was mended is noticed before clients ask again.
        server.answer = json.dumps({"keys": [GOOD]}).encode()
        clock.ahead += 10
        assert asked.authenticate(token()).subject == "u"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410])
def test_nothing_at_the_configured_address_is_a_mistake(status: int, clock: MovableClock) -> None:
    reason = f"status {status}: check jwksUri"
    with (
        KeyServer(keys=[GOOD], status=status) as server,
        pytest.raises(MisconfiguredProviderError, match=reason),
    ):
        providers(server.uri, clock).authenticate(token())


@pytest.mark.parametrize("status", [302, 408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_an_outage(status: int, clock: MovableClock) -> None:
    with (
        KeyServer(keys=[GOOD], status=status) as server,
        pytest.raises(IdentityProviderUnavailableError) as outage,
    ):
        providers(server.uri, clock).authenticate(token())
    assert type(outage.value) is IdentityProviderUnavailableError
    assert outage.value.retry_after <= 10


def test_known_keys_outlive_a_set_that_was_emptied_by_mistake(clock: MovableClock) -> None:
    with KeyServer(keys=[GOOD]) as server:
        asked = providers(server.uri, clock)
        assert asked.authenticate(token()).subject == "u"
        server.keys = []
        clock.ahead += 601
        assert asked.authenticate(token()).subject == "u"


@pytest.mark.parametrize("alg", ["HS256", "HS512", "none", "ES256K"])
def test_an_algorithm_that_is_never_taken_is_401_whatever_the_provider(
    alg: str, clock: MovableClock
) -> None:
    """Supabase with its shared secret: the set is empty, and waiting for it would be for ever."""
    with KeyServer(keys=[]) as server:
        with pytest.raises(InvalidCredentialError, match=f"the algorithm '{alg}' is never taken"):
            providers(server.uri, clock).authenticate(token(alg))
        assert server.requests == []


class Site:
    """A provider's site, with a page for each path."""

    def __init__(self) -> None:
        self.issuer = ""
        self.pages: dict[str, tuple[int, object]] = {}

    def respond(self, request: Request) -> Response:
        status, page = self.pages.get(request.path, (404, "nothing"))
        return Response(status, json.dumps(page).encode())


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    with serving(site.respond) as site.issuer:
        yield site


@pytest.mark.parametrize(
    ("status", "document", "reason"),
    [
        (404, {}, "status 404: check its issuer, or set jwksUri"),
        (403, {}, "status 403: check its issuer"),
        (200, {"issuer": "https://other.test"}, "another issuer, 'https://other.test': set issuer"),
        (200, {"issuer": "ISSUER/", "jwks_uri": "x"}, "names another issuer"),
        (200, {"issuer": "ISSUER"}, "has no jwks_uri"),
        (
            200,
            {"issuer": "ISSUER", "jwks_uri": "http://example.com/k"},
            "should be an https:// URL",
        ),
        (200, [], "not a JSON object"),
    ],
)
def test_a_discovery_document_that_is_wrong_is_a_mistake(
    status: int, document: object, reason: str, site: Site, clock: MovableClock
) -> None:
    named = json.loads(json.dumps(document).replace("ISSUER", site.issuer))
    site.pages["/.well-known/openid-configuration"] = (status, named)
    claims = {"iss": site.issuer, "sub": "u", "aud": "app", "exp": int(time.time()) + 3600}
    asked = providers(None, clock, issuer=site.issuer)
    with pytest.raises(MisconfiguredProviderError, match=reason):
        asked.authenticate(sign({"alg": "ES256", "kid": "k"}, claims, EC_KEY, "ES256"))


def test_a_discovered_address_that_has_moved_is_an_outage(site: Site, clock: MovableClock) -> None:
    """What names it is read again, so it heals by itself."""
    discovery = {"issuer": site.issuer, "jwks_uri": f"{site.issuer}/keys"}
    site.pages["/.well-known/openid-configuration"] = (200, discovery)
    claims = {"iss": site.issuer, "sub": "u", "aud": "app", "exp": int(time.time()) + 3600}
    asked = providers(None, clock, issuer=site.issuer)
    credential = sign({"alg": "ES256", "kid": "k"}, claims, EC_KEY, "ES256")
    with pytest.raises(IdentityProviderUnavailableError) as outage:
        asked.authenticate(credential)
    assert type(outage.value) is IdentityProviderUnavailableError
    site.pages["/keys"] = (200, {"keys": [public_jwk(EC_KEY, kid="k")]})
    clock.ahead += 10
    assert asked.authenticate(credential).subject == "u"
