"""Each provider's documented block takes the tokens that this provider makes, and no others."""

from typing import Any

import pytest

from tests.identity.key_server import KeyServer
from tests.unit.identity.stand_in import caller
from tests.unit.identity.test_provider_settings import DOCUMENTED
from token_service.identity.providers import Caller, InvalidCredentialError

COGNITO_ID, COGNITO_ACCESS, AUTH0, CLERK, FIREBASE, ENTRA, KEYCLOAK, SUPABASE = DOCUMENTED[:8]

# Tokens as each provider's own documentation shows them, shortened; `iss` and times are added.
TOKENS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], Caller]] = {
    "Cognito ID token": (
        COGNITO_ID,
        {"kid": "k", "alg": "RS256"},
        {
            "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "aud": "1example23456789",
            "token_use": "id",
            "cognito:groups": ["editors"],
            "custom:tenant": "acme",
        },
        Caller("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", {"groups": ["editors"], "tenant": "acme"}),
    ),
    "Cognito access token": (
        COGNITO_ACCESS,
        {"kid": "k", "alg": "RS256"},
        {
            "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "client_id": "1example23456789",
            "token_use": "access",
            "scope": "aws.cognito.signin.user.admin openid",
        },
        Caller("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", {}),
    ),
    "Auth0 access token": (
        AUTH0,
        {"alg": "RS256", "typ": "JWT", "kid": "k"},
        {
            "sub": "auth0|5",
            "aud": ["https://api.example.com", "https://example.eu.auth0.com/userinfo"],
            "azp": "client",
            "scope": "openid profile",
            "https://example.com/roles": ["editor"],
        },
        Caller("auth0|5", {"roles": ["editor"]}),
    ),
    "Clerk session token": (
        CLERK,
        {"alg": "RS256", "cat": "cl_B7d4PD111AAA", "kid": "k", "typ": "JWT"},
        {
            "sub": "user_5",
            "azp": "https://app.example.com",
            "fva": [7, -1],
            "jti": "1234567890",
            "sid": "sess_5",
            "sts": "active",
            "v": 2,
            "pla": "u:free,o:pro",
            "fea": "o:dashboard,o:impersonation",
            "o": {"id": "org_5", "slg": "acme", "rol": "admin", "per": "read,manage", "fpm": "3,2"},
        },
        Caller("user_5", {"organisation": "org_5", "session_status": "active"}),
    ),
    "Clerk session token with a task left": (
        CLERK,
        {"alg": "RS256", "cat": "cl_B7d4PD111AAA", "kid": "k", "typ": "JWT"},
        {"sub": "user_5", "azp": "https://app.example.com", "sts": "pending", "v": 2},
        Caller("user_5", {"session_status": "pending"}),
    ),
    "Firebase ID token": (
        FIREBASE,
        {"alg": "RS256", "kid": "k", "typ": "JWT"},
        {
            "sub": "uid5",
            "aud": "example-project",
            "user_id": "uid5",
            "firebase": {"sign_in_provider": "password", "identities": {}},
        },
        Caller("uid5", {"provider": "password"}),
    ),
    "Entra access token of version 1": (
        {
            **ENTRA,
            "issuer": "https://sts.windows.net/11111111-2222-3333-4444-555555555555/",
            "audiences": ["api://66666666-7777-8888-9999-000000000000"],
        },
        {"typ": "JWT", "alg": "RS256", "x5t": "k", "kid": "k"},
        {
            "oid": "99999999-0000-1111-2222-333333333333",
            "aud": "api://66666666-7777-8888-9999-000000000000",
            "appid": "client",
            "scp": "sync",
            "ver": "1.0",
        },
        Caller("99999999-0000-1111-2222-333333333333", {}),
    ),
    "Entra access token": (
        ENTRA,
        {"typ": "JWT", "alg": "RS256", "kid": "k"},
        {
            "sub": "pairwise",
            "oid": "99999999-0000-1111-2222-333333333333",
            "aud": "66666666-7777-8888-9999-000000000000",
            "azp": "client",
            "scp": "sync",
            "roles": ["Editor"],
            "ver": "2.0",
        },
        Caller("99999999-0000-1111-2222-333333333333", {"roles": ["Editor"]}),
    ),
    "Keycloak access token": (
        KEYCLOAK,
        {"alg": "RS256", "typ": "JWT", "kid": "k"},
        {
            "sub": "f:5",
            "typ": "Bearer",
            "azp": "example-app",
            "aud": "account",
            "scope": "openid email",
            "realm_access": {"roles": ["editor"]},
        },
        Caller("f:5", {"roles": ["editor"]}),
    ),
    "Supabase access token": (
        SUPABASE,
        {"alg": "RS256", "kid": "k", "typ": "JWT"},
        {
            "sub": "d0714948",
            "aud": "authenticated",
            "role": "authenticated",
            "app_metadata": {"provider": "email", "organisation": 7},
            "user_metadata": {},
        },
        Caller("d0714948", {"organisation": 7}),
    ),
}


@pytest.mark.parametrize("name", TOKENS)
def test_the_documented_block_takes_the_providers_token(name: str, server: KeyServer) -> None:
    item, header, claims, expected = TOKENS[name]
    assert caller(server, item, claims, header) == expected


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("Cognito ID token", {"token_use": "access"}),
        ("Cognito ID token", {"aud": "another"}),
        ("Cognito access token", {"token_use": "id"}),
        ("Cognito access token", {"client_id": "another"}),
        ("Cognito access token", {"client_id": ["1example23456789"]}),
        ("Auth0 access token", {"aud": "https://example.eu.auth0.com/userinfo"}),
        ("Auth0 access token", {"iss": "https://example.eu.auth0.com"}),
        ("Clerk session token", {"azp": "https://evil.example.com"}),
        ("Firebase ID token", {"aud": "another-project"}),
        ("Firebase ID token", {"iss": "https://securetoken.google.com/another-project"}),
        ("Entra access token", {"oid": None}),
        ("Entra access token", {"iss": "https://login.microsoftonline.com/common/v2.0"}),
        ("Keycloak access token", {"azp": "another-app", "aud": "example-app"}),
        ("Supabase access token", {"aud": "anon"}),
    ],
)
def test_and_no_others(name: str, change: dict[str, Any], server: KeyServer) -> None:
    item, header, claims, _ = TOKENS[name]
    with pytest.raises(InvalidCredentialError):
        caller(server, item, {**claims, **change}, header)
