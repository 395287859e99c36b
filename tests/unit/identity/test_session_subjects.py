"""Whether a session check's answer is about the user, whatever claim names that user."""

import json
import time
from typing import Any

import pytest

from tests.identity.key_server import KeyServer
from token_service.identity.credentials import Credential, InvalidCredentialError
from token_service.identity.sessions import SessionCheck

OKTA = {"sub": "alice@example.com", "uid": "00u1", "cid": "0oa1"}
HASURA = {"sub": "alice", "https://hasura.io/jwt/claims": {"x-hasura-user-id": "7"}}


def check(kind: str, subject_claim: str, claims: dict[str, Any], answer: object) -> None:
    with KeyServer(answer=json.dumps(answer).encode()) as server:
        session = SessionCheck(kind, lambda: server.uri, None, 0, time.time, subject_claim)
        session.require_live_session(Credential("x.y.z", "RS256", "k", "jwt", claims, b"", b""))


def cognito(username: str, **attributes: str) -> dict[str, object]:
    named = [{"Name": name, "Value": value} for name, value in attributes.items()]
    return {"Username": username, "UserAttributes": named}


@pytest.mark.parametrize(
    ("kind", "subject_claim", "claims", "answer"),
    [
        ("userinfo", "sub", {"sub": "alice"}, {"sub": "alice"}),
        ("userinfo", "sub", {"sub": "alice"}, {"id": "alice"}),
        # Okta's userinfo calls `sub` what its access tokens call `uid`.
        ("userinfo", "uid", OKTA, {"sub": "00u1", "email": "alice@example.com"}),
        ("userinfo", "email", {"sub": "1", "email": "a@b.c"}, {"sub": "1", "email": "a@b.c"}),
        ("userinfo", "email", {"email": "a@b.c"}, {"email": "a@b.c"}),
        # A claim that userinfo does not have: the session is still that of the token's `sub`.
        ("userinfo", "https://hasura.io/jwt/claims.x-hasura-user-id", HASURA, {"sub": "alice"}),
        ("cognito", "sub", {"sub": "1", "username": "alice"}, cognito("alice", sub="1")),
        ("cognito", "username", {"sub": "1", "username": "alice"}, cognito("alice", sub="1")),
    ],
)
def test_the_users_own_session_is_recognised(
    kind: str, subject_claim: str, claims: dict[str, Any], answer: object
) -> None:
    check(kind, subject_claim, claims, answer)


@pytest.mark.parametrize(
    ("kind", "subject_claim", "claims", "answer"),
    [
        ("userinfo", "sub", {"sub": "alice"}, {"sub": "bob"}),
        ("userinfo", "sub", {"sub": "alice"}, {"sub": "bob", "id": "alice"}),
        ("userinfo", "sub", {"sub": "alice"}, {}),
        ("userinfo", "sub", {}, {}),
        ("userinfo", "sub", {"sub": 5}, {"sub": 5}),
        ("userinfo", "uid", OKTA, {"sub": "00u2"}),
        ("userinfo", "uid", OKTA, {"uid": "00u2", "sub": "alice@example.com"}),
        ("userinfo", "email", {"sub": "1", "email": "a@b.c"}, {"sub": "1", "email": "x@b.c"}),
        ("userinfo", "email", {"sub": "1", "email": "a@b.c"}, {"sub": "1", "email": ["a@b.c"]}),
        ("cognito", "sub", {"sub": "1", "username": "alice"}, cognito("alice", sub="2")),
        ("cognito", "username", {"sub": "1", "username": "alice"}, cognito("bob", sub="1")),
    ],
)
def test_another_users_session_is_not(
    kind: str, subject_claim: str, claims: dict[str, Any], answer: object
) -> None:
    with pytest.raises(InvalidCredentialError, match="about another user"):
        check(kind, subject_claim, claims, answer)
