"""Session checks that cannot be made: who waits, who is refused, and who is not concerned."""

import json

import pytest

from tests.identity.clock import MovableClock
from tests.identity.key_server import KeyServer
from tests.unit.identity.session_provider import Authenticate, providers, token
from token_service.identity import provider_http
from token_service.identity.providers import (
    IdentityProviderUnavailableError,
    InvalidCredentialError,
)

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
    session_keys: KeyServer, sessions: KeyServer, clock: MovableClock
) -> None:
    issuer = sessions.uri.removesuffix("/keys")
    discovered = providers(clock, issuer=issuer, jwksUri=session_keys.uri, checkSession={})
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
