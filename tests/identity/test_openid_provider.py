"""Users of a real OpenID provider, in good times and in bad."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import jwt
import pytest

from tests.conftest import Figure
from tests.identity.clock import MovableClock
from tests.identity.openid_provider import OpenIdProvider
from tests.identity.service import ISSUER, Answer, Deployment
from tests.patience import PATIENT
from tests.unit.identity.test_provider_settings import DOCUMENTED
from token_service.identity import provider_http
from token_service.identity.providers import IdentityProviders, IdentityProviderUnavailableError

Clock = Callable[[], float]
ALGORITHMS = ("RS256", "ES256", "EdDSA")


@pytest.fixture
def settings(openid_provider: OpenIdProvider) -> dict[str, object]:
    return {
        "issuer": openid_provider.issuer,
        "audiences": [*ALGORITHMS, openid_provider.resource],
    }


@pytest.fixture
def deploy(clock: Clock, settings: dict[str, object]) -> Callable[..., Deployment]:
    def deploy(*others: dict[str, object], **more: object) -> Deployment:
        providers = IdentityProviders.from_settings(
            [{**settings, **more}, *others],
            own_issuer=ISSUER,
            clock=clock,
            allow_nearby_http=True,
        )
        return Deployment(providers, clock)

    return deploy


def refused(answer: Answer, status: int, error: str) -> None:
    assert (answer.status, answer.json["error"]) == (status, error)
    assert "token" not in answer.json


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signed_in_user_gets_a_token(
    algorithm: str, openid_provider: OpenIdProvider, deploy: Callable[..., Deployment]
) -> None:
    deployment = deploy()
    user = openid_provider.sign_in("alice", algorithm)
    for credential in (user.id_token, user.access_token):
        answer = deployment.token(credential)
        assert answer.status == 200
        assert answer.claims["sub"] == "alice"
        assert answer.claims["role"] == "authenticated"


def test_claims_are_mapped_by_exact_name_first_then_by_dotted_path(
    openid_provider: OpenIdProvider, deploy: Callable[..., Deployment]
) -> None:
    paths = {
        "roles": "roles",
        "organisation": "https://app.test/organisation",
        "parameters": "https://app.test/organisation",
        "absent": "realm_access.roles",
    }
    claims = deploy(claims=paths).token(openid_provider.sign_in("alice").id_token).claims
    assert claims["roles"] == ["editor"]
    assert claims["organisation"] == {"id": 7}
    assert claims["parameters"] == {"id": 7}
    assert "absent" not in claims


def test_a_missing_scope_is_403_for_the_right_user(
    openid_provider: OpenIdProvider, deploy: Callable[..., Deployment]
) -> None:
    deployment = deploy(requiredScopes=["sync"])
    user = openid_provider.sign_in("alice")
    assert deployment.token(user.access_token).status == 200
    answer = deployment.token(openid_provider.sign_in("alice", scope="openid").access_token)
    refused(answer, 403, "insufficient_scope")
    assert 'scope="sync"' in answer.headers["www-authenticate"]


def test_nobody_is_refused_while_the_provider_rotates_its_keys(
    openid_provider: OpenIdProvider, deploy: Callable[..., Deployment], figure: Figure
) -> None:
    """Neither who signed in before, by whichever key, nor who does right after a rotation."""
    deployment = deploy()

    def sign_in() -> list[str]:
        users = [openid_provider.sign_in("alice", algorithm) for algorithm in ALGORITHMS]
        return [token for user in users for token in (user.id_token, user.access_token)]

    credentials = sign_in()
    statuses = [deployment.token(credential).status for credential in credentials]
    for _ in range(5):
        credentials += sign_in()
        openid_provider.rotate()
        credentials += sign_in()
        statuses += [deployment.token(credential).status for credential in credentials]
    kids = {jwt.get_unverified_header(credential)["kid"] for credential in credentials}
    assert len(kids) == 6 * len(ALGORITHMS)
    assert statuses == [200] * (6 + 18 + 30 + 42 + 54 + 66)
    figure("tokens given while an identity provider rotated, none refused", len(statuses))


def test_a_session_that_was_ended_gets_401_though_its_token_has_not_expired(
    openid_provider: OpenIdProvider, deploy: Callable[..., Deployment]
) -> None:
    deployment = deploy(checkSession={"userinfoUri": f"{openid_provider.issuer}/session/userinfo"})
    user, other = openid_provider.sign_in("alice"), openid_provider.sign_in("alice")
    assert deployment.token(user.access_token).status == 200
    user.sign_out()
    refused(deployment.token(user.access_token), 401, "invalid_token")
    assert deployment.token(other.access_token).status == 200


def test_keycloaks_documented_block_refuses_a_session_that_was_ended(
    openid_provider: OpenIdProvider, clock: MovableClock
) -> None:
    (documented,) = (item for item in DOCUMENTED if item["name"] == "keycloak")
    assert documented["checkSession"] == {}  # Where to ask is discovered.
    here = {"issuer": openid_provider.issuer, "clientIds": ["RS256"], "requiredScopes": ["sync"]}
    providers = IdentityProviders.from_settings(
        [{**documented, **here}], own_issuer=ISSUER, clock=clock, allow_nearby_http=True
    )
    deployment = Deployment(providers, clock)
    user, other = openid_provider.sign_in("alice"), openid_provider.sign_in("alice")
    before = openid_provider.requests("/session/userinfo")
    assert deployment.token(user.access_token).claims["sub"] == "alice"
    assert openid_provider.requests("/session/userinfo") == before + 1
    user.sign_out()
    refused(deployment.token(user.access_token), 401, "invalid_token")
    assert deployment.token(other.access_token).status == 200


def test_a_positive_answer_about_a_session_is_kept_for_cache_seconds(
    openid_provider: OpenIdProvider,
    deploy: Callable[..., Deployment],
    clock: MovableClock,
) -> None:
    path = "/session/userinfo"
    check = {"userinfoUri": openid_provider.issuer + path, "cacheSeconds": 20}
    deployment = deploy(checkSession=check)
    user = openid_provider.sign_in("alice")
    before = openid_provider.requests(path)
    assert {deployment.token(user.access_token).status for _ in range(5)} == {200}
    assert openid_provider.requests(path) == before + 1
    user.sign_out()
    assert deployment.token(user.access_token).status == 200
    clock.ahead += 21
    refused(deployment.token(user.access_token), 401, "invalid_token")


@pytest.mark.parametrize("fault", ["error", "garbage", "redirect", "huge"])
def test_a_session_check_that_cannot_be_made_is_503_and_heals(
    fault: str,
    openid_provider: OpenIdProvider,
    deploy: Callable[..., Deployment],
    clock: MovableClock,
) -> None:
    deployment = deploy(checkSession={})
    user = openid_provider.sign_in("alice")
    assert deployment.token(user.access_token).status == 200
    openid_provider.break_with(fault)
    answer = deployment.token(user.access_token)
    refused(answer, 503, "temporarily_unavailable")
    assert 0 < int(answer.headers["retry-after"]) <= 10
    openid_provider.break_with("")
    clock.ahead += 10
    assert deployment.token(user.access_token).status == 200


HANGS = ["slow", "drip", "drip-headers"]
FAULTS = ["error", "garbage", "redirect", "huge", *HANGS]


@contextmanager
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A provider has half a second for its answers. Those that hang do so for minutes."""
    with monkeypatch.context() as hurried:
        hurried.setattr(provider_http, "TIME_LIMIT", 0.5)
        yield


@pytest.mark.parametrize("fault", ["error", *HANGS])
def test_nobody_waits_again_for_a_session_check_that_just_failed(
    *,
    fault: str,
    openid_provider: OpenIdProvider,
    deploy: Callable[..., Deployment],
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = "/session/userinfo"
    deployment = deploy(checkSession={"cacheSeconds": 60})
    known, unknown = openid_provider.sign_in("alice"), openid_provider.sign_in("bob")
    assert deployment.token(known.access_token).status == 200
    openid_provider.break_with(fault)
    asked = openid_provider.requests(path)
    with in_a_hurry(monkeypatch):
        for _ in range(5):
            refused(deployment.token(unknown.access_token), 503, "temporarily_unavailable")
    assert openid_provider.requests(path) == asked + 1
    assert deployment.token(known.access_token).status == 200
    openid_provider.break_with("")
    clock.ahead += 10
    assert deployment.token(unknown.access_token).status == 200


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_provider_is_503_within_its_time_and_heals(
    *,
    fault: str,
    openid_provider: OpenIdProvider,
    deploy: Callable[..., Deployment],
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    figure: Figure,
) -> None:
    deployment = deploy(jwksUri=f"{openid_provider.issuer}/jwks")
    user = openid_provider.sign_in("alice")
    openid_provider.break_with(fault)
    elsewhere = openid_provider.requests("/elsewhere")
    with in_a_hurry(monkeypatch):
        answer = deployment.token(user.id_token)
    refused(answer, 503, "temporarily_unavailable")
    assert fault not in HANGS or "TimeoutError" in caplog.text
    assert 0 < int(answer.headers["retry-after"]) <= 10
    assert openid_provider.requests("/elsewhere") == elsewhere  # No redirect was followed.
    # While it is known to be out of reach nobody waits for it again.
    asked = openid_provider.requests("/jwks")
    refused(deployment.token(user.id_token), 503, "temporarily_unavailable")
    assert openid_provider.requests("/jwks") == asked
    openid_provider.break_with("")
    clock.ahead += 11
    assert deployment.token(user.id_token).status == 200
    figure("ways in which an identity provider was broken", 1)


def test_known_keys_serve_through_an_outage_for_a_day(
    openid_provider: OpenIdProvider,
    deploy: Callable[..., Deployment],
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deployment = deploy()
    assert deployment.token(openid_provider.sign_in("alice").id_token).status == 200
    openid_provider.break_with("error")
    clock.ahead += 3000  # The keys are stale, the token is not.
    user = openid_provider.sign_in("alice")
    assert deployment.token(user.id_token).status == 200
    # Keys that nobody has confirmed for a day prove nothing any more.
    monkeypatch.setattr("token_service.identity.provider_keys.KEPT_FOR", 3000)
    refused(deployment.token(user.id_token), 503, "temporarily_unavailable")


def test_one_providers_outage_does_not_touch_the_users_of_another(
    openid_provider: OpenIdProvider, settings: dict[str, object], clock: Clock
) -> None:
    """Who comes while somebody waits for the lost one is served meanwhile, and so afterwards."""
    with OpenIdProvider() as other, ThreadPoolExecutor() as pool:
        providers = IdentityProviders.from_settings(
            [settings, {"issuer": other.issuer, "audiences": ["RS256"]}],
            own_issuer=ISSUER,
            clock=clock,
            allow_nearby_http=True,
        )
        lost, served = openid_provider.sign_in("alice"), other.sign_in("bob")
        path = "/.well-known/openid-configuration"
        asked = openid_provider.requests(path)
        openid_provider.break_with("slow")
        waiting = pool.submit(providers.authenticate, lost.id_token)
        while openid_provider.requests(path) == asked:
            assert not waiting.done(), waiting.result()
        assert providers.authenticate(served.id_token).subject == "bob"
        assert not waiting.done()
        openid_provider.break_with("")
        with pytest.raises(IdentityProviderUnavailableError):
            waiting.result(PATIENT)
        assert providers.authenticate(served.id_token).subject == "bob"


def test_a_provider_that_is_down_is_503(clock: Clock) -> None:
    with OpenIdProvider() as provider:
        user = provider.sign_in("alice")
        settings = {"issuer": provider.issuer, "audiences": ["RS256"]}
    providers = IdentityProviders.from_settings(
        [settings], own_issuer=ISSUER, clock=clock, allow_nearby_http=True
    )
    refused(Deployment(providers, clock).token(user.id_token), 503, "temporarily_unavailable")
