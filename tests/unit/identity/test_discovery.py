"""A provider's discovery document: what it is believed about, and for how long."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.identity.clock import MovableClock
from tests.identity.key_server import public_jwk, sign
from tests.loopback import Request, Response, serving
from token_service.identity.provider_http import IdentityProviderUnavailableError
from token_service.identity.provider_keys import ProviderMetadata
from token_service.identity.providers import IdentityProviders

DISCOVERY = "/.well-known/openid-configuration"
DAY = 86_400
KEYS = {kid: ec.generate_private_key(ec.SECP256R1()) for kid in ("former", "latter")}


@dataclass
class Provider:
    """An identity provider with a page for each path, and the paths it was asked for."""

    issuer: str = ""
    pages: dict[str, object] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def respond(self, request: Request) -> Response:
        self.asked.append(request.path)
        page = self.pages.get(request.path)
        return Response(404) if page is None else Response(200, json.dumps(page).encode())

    def publish(self, kid: str, path: str) -> None:
        """Serve a key, and name its path in the discovery document."""
        self.pages[path] = {"keys": [public_jwk(KEYS[kid], kid=kid, alg="ES256")]}
        self.pages[DISCOVERY] = {"issuer": self.issuer, "jwks_uri": self.issuer + path}


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    with serving(provider.respond) as provider.issuer:
        yield provider


@pytest.fixture
def metadata(provider: Provider, clock: MovableClock) -> ProviderMetadata:
    return ProviderMetadata(provider.issuer, clock, allow_nearby_http=True)


@pytest.fixture
def providers(provider: Provider, clock: MovableClock) -> IdentityProviders:
    return IdentityProviders.from_settings(
        [{"issuer": provider.issuer, "audiences": ["app"]}],
        own_issuer="https://tokens.test",
        clock=clock,
        allow_nearby_http=True,
    )


def token(kid: str, provider: Provider, clock: MovableClock) -> str:
    claims = {"iss": provider.issuer, "aud": "app", "sub": "alice", "exp": int(clock()) + 300}
    return sign({"alg": "ES256", "kid": kid}, claims, KEYS[kid], "ES256")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"issuer": "https://other.example.com", "jwks_uri": "x"}, "another issuer"),
        ({"issuer": "ISSUER/", "jwks_uri": "x"}, "another issuer"),
        ({"jwks_uri": "x"}, "another issuer"),
        ({"issuer": "ISSUER"}, "has no jwks_uri"),
        ({"issuer": "ISSUER", "jwks_uri": ["x"]}, "has no jwks_uri"),
        (
            {"issuer": "ISSUER", "jwks_uri": "http://example.com/keys"},
            "jwks_uri should be an https",
        ),
        ({"issuer": "ISSUER", "jwks_uri": "file:///etc/passwd"}, "jwks_uri"),
        ({"issuer": "ISSUER", "jwks_uri": "https://user@example.com/"}, "without a user"),
    ],
)
def test_it_is_believed_about_itself_and_https_only(
    document: dict[str, object], reason: str, provider: Provider, metadata: ProviderMetadata
) -> None:
    named = json.dumps(document).replace("ISSUER", provider.issuer)
    provider.pages[DISCOVERY] = json.loads(named)
    with pytest.raises(IdentityProviderUnavailableError, match=reason):
        metadata.endpoint("jwks_uri")


def test_it_is_read_once_until_what_it_names_fails(
    provider: Provider, metadata: ProviderMetadata
) -> None:
    provider.publish("former", "/keys")
    for _ in range(5):
        assert metadata.endpoint("jwks_uri") == f"{provider.issuer}/keys"
    assert provider.asked == [DISCOVERY]
    metadata.forget()
    metadata.endpoint("jwks_uri")
    assert provider.asked == [DISCOVERY, DISCOVERY]


def test_keys_that_have_moved_are_found_when_their_former_address_fails(
    provider: Provider, providers: IdentityProviders, clock: MovableClock
) -> None:
    provider.publish("former", "/keys")
    assert providers.authenticate(token("former", provider, clock)).subject == "alice"
    del provider.pages["/keys"]
    provider.publish("latter", "/keys/v2")
    for waited, left in ((0, 30), (12, 18)):
        clock.ahead += waited
        with pytest.raises(IdentityProviderUnavailableError) as unavailable:
            providers.authenticate(token("latter", provider, clock))
        assert unavailable.value.retry_after == left
    clock.ahead += left
    assert providers.authenticate(token("latter", provider, clock)).subject == "alice"


def test_keys_that_have_moved_are_found_within_a_day_even_if_others_stay_behind(
    provider: Provider, providers: IdentityProviders, clock: MovableClock
) -> None:
    provider.publish("former", "/keys")
    assert providers.authenticate(token("former", provider, clock)).subject == "alice"
    provider.publish("latter", "/keys/v2")
    clock.ahead += DAY
    assert providers.authenticate(token("latter", provider, clock)).subject == "alice"
