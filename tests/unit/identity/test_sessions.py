"""Session checks: what is sent to the provider, and what its answers mean."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.identity.clock import MovableClock
from tests.identity.key_server import KeyServer, public_jwk, sign
from token_service.identity import provider_http
from token_service.identity.providers import (
    Caller,
    IdentityProviders,
    IdentityProviderUnavailableError,
    InvalidCredentialError,
)

KEY = ec.generate_private_key(ec.SECP256R1())
ISSUER = "https://login.example.com"


def token(**claims: object) -> str:
    payload = {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "app",
        "token_use": "access",
        "exp": int(time.time()) + 300,
        **claims,
    }
    return sign({"alg": "ES256", "kid": "k"}, payload, KEY, "ES256")


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyServer]:
    with KeyServer(keys=[public_jwk(KEY, kid="k", alg="ES256")]) as server:
        yield server


@pytest.fixture
def sessions() -> Iterator[KeyServer]:
    with KeyServer() as server:
        yield server


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


Authenticate = Callable[..., Caller]


@pytest.fixture
def authenticate(keys: KeyServer, sessions: KeyServer, clock: MovableClock) -> Authenticate:
    built: dict[str, IdentityProviders] = {}

    def authenticate(credential: str | None = None, **check: object) -> Caller:
        if str(check) not in built:
            built[str(check)] = providers(
                clock, jwksUri=keys.uri, checkSession={"userinfoUri": sessions.uri, **check}
            )
        return built[str(check)].authenticate(credential or token())

    return authenticate


def providers(clock: MovableClock, **more: object) -> IdentityProviders:
    item = {"issuer": ISSUER, "audiences": ["app"], "tokenUse": "access", **more}
    return IdentityProviders.from_settings(
        [item], own_issuer="https://tokens.test", clock=clock, allow_nearby_http=True
    )


def test_userinfo_is_asked_with_the_credential(
    authenticate: Authenticate, sessions: KeyServer
) -> None:
    sessions.answer = b'{"sub": "alice"}'
    credential = token()
    assert authenticate(credential).subject == "alice"
    (asked,) = sessions.requests
    assert (asked.method, asked.path, asked.body) == ("GET", "/keys", b"")
    assert asked.headers["authorization"] == f"Bearer {credential}"
    assert "apikey" not in asked.headers


def test_supabase_gets_its_api_key_and_answers_with_id(
    authenticate: Authenticate, sessions: KeyServer
) -> None:
    sessions.answer = b'{"id": "alice", "aud": "authenticated"}'
    assert authenticate(apiKey="public").subject == "alice"
    assert sessions.requests[0].headers["apikey"] == "public"


def test_cognito_is_asked_for_the_user(authenticate: Authenticate, sessions: KeyServer) -> None:
    attributes = [{"Name": "email", "Value": "a@b.c"}, {"Name": "sub", "Value": "alice"}]
    sessions.answer = json.dumps({"Username": "a", "UserAttributes": attributes}).encode()
    credential = token()
    assert authenticate(credential, kind="cognito").subject == "alice"
    (asked,) = sessions.requests
    assert asked.method == "POST"
    assert asked.headers["x-amz-target"] == "AWSCognitoIdentityProviderService.GetUser"
    assert json.loads(asked.body) == {"AccessToken": credential}
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(
    "answer",
    [b'{"sub": "bob"}', b'{"sub": null}', b"{}", b'{"sub": ["alice"]}', b'{"sub": "Alice"}'],
)
def test_another_users_session_is_no_proof(
    answer: bytes, authenticate: Authenticate, sessions: KeyServer
) -> None:
    sessions.answer = answer
    with pytest.raises(InvalidCredentialError, match="another user"):
        authenticate()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_ends_the_session(
    status: int, authenticate: Authenticate, sessions: KeyServer
) -> None:
    sessions.status = status
    for kind in ("userinfo", "cognito"):
        with pytest.raises(InvalidCredentialError, match="session has ended"):
            authenticate(kind=kind)


@pytest.mark.parametrize("error", ["NotAuthorizedException", "x#UserNotFoundException"])
def test_cognito_refuses_with_400(
    error: str, authenticate: Authenticate, sessions: KeyServer
) -> None:
    sessions.status, sessions.answer = 400, json.dumps({"__type": error}).encode()
    with pytest.raises(InvalidCredentialError, match="session has ended"):
        authenticate(kind="cognito")


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, b""),
        (200, b"[]"),
        (200, b"<html>"),
        (201, b'{"sub": "alice"}'),
        (204, b""),
        (302, b""),
        (400, b"{}"),
        (400, b'{"__type": "TooManyRequestsException"}'),
        (404, b""),
        (429, b""),
        (500, b""),
    ],
)
def test_anything_else_proves_nothing(
    status: int, answer: bytes, authenticate: Authenticate, sessions: KeyServer
) -> None:
    sessions.status, sessions.answer = status, answer
    for kind in ("userinfo", "cognito"):
        with pytest.raises(IdentityProviderUnavailableError):
            authenticate(kind=kind)


@pytest.mark.parametrize(
    ("said", "passed_on"), [("7", 7), ("0", 10), ("3600", 60), ("tomorrow", 10), ("-5", 10)]
)
def test_retry_after_is_passed_on_within_bounds(
    said: str, passed_on: int, authenticate: Authenticate, sessions: KeyServer
) -> None:
    sessions.status, sessions.headers = 429, {"Retry-After": said}
    with pytest.raises(IdentityProviderUnavailableError) as refusal:
        authenticate()
    assert refusal.value.retry_after == passed_on


def test_only_positive_answers_are_kept_and_only_for_the_same_credential(
    authenticate: Authenticate, sessions: KeyServer
) -> None:
    one, other = token(jti="1"), token(jti="2")
    sessions.status = 401
    for _ in range(2):
        with pytest.raises(InvalidCredentialError):
            authenticate(one, cacheSeconds=60)
    assert len(sessions.requests) == 2
    sessions.status, sessions.answer = 200, b'{"sub": "alice"}'
    for _ in range(3):
        authenticate(one, cacheSeconds=60)
    assert len(sessions.requests) == 3
    authenticate(other, cacheSeconds=60)
    assert len(sessions.requests) == 4


def test_the_cache_of_sessions_is_bounded(
    authenticate: Authenticate, sessions: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("token_service.identity.sessions.MOST_REMEMBERED", 2)
    sessions.answer = b'{"sub": "alice"}'
    first, second, third = (token(jti=str(number)) for number in range(3))
    for credential in (first, second, third, third, second):
        authenticate(credential, cacheSeconds=60)
    assert len(sessions.requests) == 3
    authenticate(first, cacheSeconds=60)
    assert len(sessions.requests) == 4


NOBODY_REACHES_IT = [{"status": 500}, {"status": 502}, {"status": 503}, {"TIME_LIMIT": 0.0}]


@pytest.mark.parametrize("kind", ["userinfo", "cognito"])
@pytest.mark.parametrize("fault", NOBODY_REACHES_IT, ids=str)
def test_nobody_waits_again_for_a_provider_that_just_failed(
    *,
    kind: str,
    fault: dict[str, float],
    authenticate: Authenticate,
    sessions: KeyServer,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sessions.answer = b'{"sub": "alice", "UserAttributes": [{"Name": "sub", "Value": "alice"}]}'
    authenticate(kind=kind)  # The keys are at hand.
    with monkeypatch.context() as failing:
        for name, value in fault.items():
            failing.setattr(sessions if name == "status" else provider_http, name, value)
        with pytest.raises(IdentityProviderUnavailableError) as first:
            authenticate(kind=kind)
    assert first.value.retry_after == 10
    asked = len(sessions.requests)
    clock.ahead += 4
    for number in range(5):
        with pytest.raises(IdentityProviderUnavailableError) as again:
            authenticate(token(jti=str(number)), kind=kind)
        assert str(again.value) == str(first.value)
        assert 0 < again.value.retry_after <= 6
    assert len(sessions.requests) == asked
    clock.ahead += 6
    assert authenticate(kind=kind).subject == "alice"


def test_nobody_waits_again_for_a_discovery_that_just_failed(
    keys: KeyServer, sessions: KeyServer, clock: MovableClock
) -> None:
    issuer = sessions.uri.removesuffix("/keys")
    discovered = providers(clock, issuer=issuer, jwksUri=keys.uri, checkSession={})
    document = {"issuer": issuer, "userinfo_endpoint": sessions.uri, "sub": "alice"}
    # Whose credential is at hand does not matter to it, so every failure of it counts.
    sessions.status, sessions.answer = 404, json.dumps(document).encode()
    for _ in range(5):
        with pytest.raises(IdentityProviderUnavailableError, match="status 404"):
            discovered.authenticate(token(iss=issuer))
    assert [asked.path for asked in sessions.requests] == ["/.well-known/openid-configuration"]
    sessions.status = 200
    clock.ahead += 10
    assert discovered.authenticate(token(iss=issuer)).subject == "alice"


ONE_USERS_OWN = {
    "too long": (200, b'{"sub": "bob", "user_metadata": "' + b"x" * 262_144 + b'"}'),
    "too deep": (200, b'{"sub": "bob", "user_metadata": ' + b"[" * 40 + b"]" * 40 + b"}"),
    "not finite": (200, b'{"sub": "bob", "user_metadata": 1e999}'),
    "no JSON": (200, b"<html>"),
    "a redirect": (302, b""),
    "a bad request": (400, b"{}"),
    "not found": (404, b""),
    "a limit for each user": (429, b""),
    "a refusal": (401, b""),
    "another refusal": (403, b""),
}


@pytest.mark.parametrize("kind", ["userinfo", "cognito"])
@pytest.mark.parametrize("answer", ONE_USERS_OWN)
def test_what_one_user_can_bring_about_shuts_out_nobody_else(
    answer: str, kind: str, authenticate: Authenticate, sessions: KeyServer
) -> None:
    sessions.status, sessions.answer = ONE_USERS_OWN[answer]
    with pytest.raises((IdentityProviderUnavailableError, InvalidCredentialError)):
        authenticate(token(sub="bob"), kind=kind)
    sessions.status = 200
    sessions.answer = b'{"sub": "alice", "UserAttributes": [{"Name": "sub", "Value": "alice"}]}'
    assert authenticate(kind=kind).subject == "alice"


def test_a_positive_answer_counts_while_the_provider_is_out_of_reach(
    authenticate: Authenticate, sessions: KeyServer
) -> None:
    known = token()
    sessions.answer = b'{"sub": "alice"}'
    authenticate(known, cacheSeconds=60)
    sessions.status = 500
    with pytest.raises(IdentityProviderUnavailableError):
        authenticate(token(jti="other"), cacheSeconds=60)
    assert authenticate(known, cacheSeconds=60).subject == "alice"


@pytest.mark.parametrize("answer", [b"{}", b'{"sub": null}', b'{"UserAttributes": []}'])
@pytest.mark.parametrize("kind", ["userinfo", "cognito"])
def test_two_that_name_no_subject_are_not_the_same_user(
    kind: str, answer: bytes, keys: KeyServer, sessions: KeyServer, clock: MovableClock
) -> None:
    check = {"kind": kind, "userinfoUri": sessions.uri}
    by_oid = providers(clock, jwksUri=keys.uri, subjectClaim="oid", checkSession=check)
    sessions.answer = answer
    claims: dict[str, object] = {"oid": "alice", "sub": None}
    with pytest.raises(InvalidCredentialError, match="another user"):
        by_oid.authenticate(token(**claims))


def test_a_forged_credential_is_never_sent_on(
    authenticate: Authenticate, sessions: KeyServer
) -> None:
    sessions.answer = b'{"sub": "alice"}'
    with pytest.raises(InvalidCredentialError):
        authenticate(token()[:-20] + "A" * 20)
    assert sessions.requests == []
