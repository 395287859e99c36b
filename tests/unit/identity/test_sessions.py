"""Session checks: what is sent to the provider, and what its answers mean."""

import json

import pytest

from tests.identity.clock import MovableClock
from tests.identity.key_server import KeyServer
from tests.unit.identity.session_provider import Authenticate, providers, token
from token_service.identity.credentials import Credential
from token_service.identity.providers import (
    IdentityProviderUnavailableError,
    InvalidCredentialError,
)
from token_service.identity.sessions import SessionCheck


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
    ("said", "passed_on"),
    [
        ("7", 7),
        ("0", 10),
        ("3600", 60),
        ("99999", 60),
        ("100000", 10),  # Nobody means that: as if nothing had been said.
        ("9" * 5_000, 10),
        ("tomorrow", 10),
        ("-5", 10),
    ],
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


def test_a_positive_answer_is_kept_to_the_very_second(sessions: KeyServer) -> None:
    sessions.answer = b'{"sub": "alice"}'
    now = 1_000.0
    check = SessionCheck("userinfo", lambda: sessions.uri, None, 10, lambda: now)
    credential = Credential("x.y.z", "RS256", "k", "jwt", {"sub": "alice"}, b"", b"")
    check.require_live_session(credential)
    now += 9.999
    check.require_live_session(credential)
    assert len(sessions.requests) == 1
    now = 1_010.0
    check.require_live_session(credential)
    assert len(sessions.requests) == 2


def test_an_answer_that_was_renewed_is_not_the_oldest_any_more(
    sessions: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("token_service.identity.sessions.MOST_REMEMBERED", 3)
    sessions.answer = b'{"sub": "alice"}'
    now = 1_000.0
    check = SessionCheck("userinfo", lambda: sessions.uri, None, 10, lambda: now)

    def ask(encoded: str) -> int:
        check.require_live_session(
            Credential(encoded, "RS256", "k", "jwt", {"sub": "alice"}, b"", b"")
        )
        return len(sessions.requests)

    assert ask("first") == 1
    now += 9
    assert ask("second") == 2
    now += 1
    assert ask("first") == 3  # Its answer was too old, and is the youngest now.
    assert ask("third") == 4
    assert ask("fourth") == 5  # Takes the place of the second.
    assert ask("first") == 5
    assert ask("second") == 6


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


@pytest.mark.parametrize("answer", [b"{}", b'{"sub": null}', b'{"UserAttributes": []}'])
@pytest.mark.parametrize("kind", ["userinfo", "cognito"])
def test_two_that_name_no_subject_are_not_the_same_user(
    kind: str, answer: bytes, session_keys: KeyServer, sessions: KeyServer, clock: MovableClock
) -> None:
    check = {"kind": kind, "userinfoUri": sessions.uri}
    by_oid = providers(clock, jwksUri=session_keys.uri, subjectClaim="oid", checkSession=check)
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
