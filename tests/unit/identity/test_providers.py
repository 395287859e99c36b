"""Each provider's documented block takes the tokens that this provider makes, and no others."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.identity.key_server import KeyServer, PrivateKey, public_jwk, sign
from tests.unit.identity.test_provider_settings import DOCUMENTED, USUAL
from token_service.identity.providers import (
    Caller,
    IdentityProviders,
    InsufficientScopeError,
    InvalidCredentialError,
    UnusableClaimsError,
)

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()

COGNITO_ID, COGNITO_ACCESS, AUTH0, CLERK, FIREBASE, ENTRA, KEYCLOAK, SUPABASE = DOCUMENTED

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


@pytest.fixture(scope="module")
def server() -> Iterator[KeyServer]:
    keys = [
        public_jwk(RSA_KEY, kid="k", use="sig"),  # Without alg, as Entra's keys are.
        public_jwk(EC_KEY, kid="ec", alg="ES256"),
        public_jwk(ED_KEY, kid="ed", alg="EdDSA"),
        public_jwk(ED_KEY, kid="ed25519", alg="Ed25519"),
    ]
    with KeyServer(keys=keys) as server:
        yield server


def caller(
    server: KeyServer,
    item: dict[str, Any],
    claims: dict[str, Any],
    header: dict[str, Any] | None = None,
    key: PrivateKey = RSA_KEY,
) -> Caller:
    """Who is calling with a token of this provider; its keys come from `server`."""
    item = {name: value for name, value in item.items() if name != "checkSession"}
    providers = IdentityProviders.from_settings(
        [{**item, "jwksUri": server.uri}],
        own_issuer="https://tokens.test",
        clock=time.time,
        allow_loopback_http=True,
    )
    now = int(time.time())
    header = header or {"alg": "RS256", "kid": "k"}
    payload = {"iss": item["issuer"], "iat": now, "exp": now + 300, **claims}
    alg = "EdDSA" if header["alg"] == "Ed25519" else header["alg"]
    return providers.authenticate(sign(header, payload, key, alg))


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


@pytest.mark.parametrize("scope", [None, "", "email", "openidx", ["email"], 5, {"openid": True}])
def test_a_scope_that_is_not_granted_is_insufficient(scope: object, server: KeyServer) -> None:
    item, header, claims, _ = TOKENS["Keycloak access token"]
    with pytest.raises(InsufficientScopeError) as refusal:
        caller(server, item, {**claims, "scope": scope}, header)
    assert refusal.value.scope == "openid"


def test_all_scopes_are_required(server: KeyServer) -> None:
    item = {**USUAL, "requiredScopes": ["a", "b"]}
    with pytest.raises(InsufficientScopeError):
        caller(server, item, {"sub": "u", "aud": "app", "scope": "a c"})


@pytest.mark.parametrize("claim", [{"scope": ["a", "b"]}, {"scp": "b a"}, {"scp": ["a", "b"]}])
def test_scopes_are_words_or_a_list_under_either_name(
    claim: dict[str, Any], server: KeyServer
) -> None:
    item = {**USUAL, "requiredScopes": ["a", "b"]}
    assert caller(server, item, {"sub": "u", "aud": "app", **claim}).subject == "u"


@pytest.mark.parametrize(("alg", "kid", "key"), [("ES256", "ec", EC_KEY), ("EdDSA", "ed", ED_KEY)])
def test_other_algorithms(alg: str, kid: str, key: PrivateKey, server: KeyServer) -> None:
    claims = {"sub": "u", "aud": "app"}
    assert caller(server, USUAL, claims, {"alg": alg, "kid": kid}, key).subject == "u"
    with pytest.raises(InvalidCredentialError):
        caller(server, {**USUAL, "algorithms": ["RS256"]}, claims, {"alg": alg, "kid": kid}, key)


@pytest.mark.parametrize("alg", ["EdDSA", "Ed25519"])
@pytest.mark.parametrize("kid", ["ed", "ed25519"])
def test_ed25519_goes_by_its_old_and_its_new_name(alg: str, kid: str, server: KeyServer) -> None:
    header = {"alg": alg, "kid": kid}
    assert caller(server, USUAL, {"sub": "u", "aud": "app"}, header, ED_KEY).subject == "u"


def test_a_key_without_alg_verifies_rs256_or_what_is_configured(server: KeyServer) -> None:
    claims, header = {"sub": "u", "aud": "app"}, {"alg": "PS256", "kid": "k"}
    with pytest.raises(InvalidCredentialError):
        caller(server, USUAL, claims, header)
    assert caller(server, {**USUAL, "algorithms": ["PS256"]}, claims, header).subject == "u"


def test_audiences_and_clients_must_both_hold(server: KeyServer) -> None:
    item = {**USUAL, "clientIds": ["client"]}
    assert caller(server, item, {"sub": "u", "aud": "app", "azp": "client"}).subject == "u"
    for claims in ({"aud": "app", "azp": "x"}, {"aud": "x", "azp": "client"}, {"aud": "app"}):
        with pytest.raises(InvalidCredentialError):
            caller(server, item, {"sub": "u", **claims})


def test_a_client_is_taken_from_a_single_audience_only(server: KeyServer) -> None:
    item = {"issuer": USUAL["issuer"], "clientIds": ["client"]}
    for aud in ("client", ["client"]):
        assert caller(server, item, {"sub": "u", "aud": aud}).subject == "u"
    with pytest.raises(InvalidCredentialError):
        caller(server, item, {"sub": "u", "aud": ["client", "other"]})


def test_a_prefix_keeps_the_users_of_two_providers_apart(server: KeyServer) -> None:
    item = {**USUAL, "subjectPrefix": "acme:"}
    assert caller(server, item, {"sub": "5", "aud": "app"}).subject == "acme:5"
    # What is reserved is the whole subject.
    assert caller(server, item, {"sub": "anonymous", "aud": "app"}).subject == "acme:anonymous"
    with pytest.raises(InvalidCredentialError):
        caller(server, {**USUAL, "subjectPrefix": "anon-"}, {"sub": "5", "aud": "app"})


def test_a_provider_whose_tokens_name_nobody_is_taken_only_if_that_is_said(
    server: KeyServer,
) -> None:
    item = {"issuer": USUAL["issuer"], "anyAudience": True}
    assert caller(server, item, {"sub": "u"}).subject == "u"
    for setting in ({"audiences": ["app"]}, {"clientIds": ["app"]}):
        with pytest.raises(InvalidCredentialError):
            caller(server, {"issuer": USUAL["issuer"], **setting}, {"sub": "u"})


@pytest.mark.parametrize(
    ("expected", "found", "anonymous"),
    [
        (True, True, True),
        (True, 1, False),
        (True, "true", False),
        (True, None, False),
        (1, True, False),
        (1, 1, True),
        ("anonymous", "anonymous", True),
        ("anonymous", "password", False),
        ("anonymous", ["anonymous"], False),
    ],
)
def test_a_providers_own_anonymous_users_are_told_by_a_claim(
    expected: object, found: object, *, anonymous: bool, server: KeyServer
) -> None:
    item = {**USUAL, "anonymousWhen": {"claim": "a.b", "value": expected}}
    claims = {"sub": "u", "aud": "app", "a": {"b": found}}
    assert caller(server, item, claims).anonymous is anonymous
    assert not caller(server, USUAL, claims).anonymous
    assert not caller(server, item, {"sub": "u", "aud": "app"}).anonymous


@pytest.mark.parametrize("value", ["text", 5, ["list"], True])
def test_parameters_must_be_an_object(value: object, server: KeyServer) -> None:
    item = {**USUAL, "claims": {"parameters": "their.parameters"}}
    claims = {"sub": "u", "aud": "app"}
    assert caller(server, item, claims).claims == {}
    good = {**claims, "their": {"parameters": {"a": 1}}}
    assert caller(server, item, good).claims == {"parameters": {"a": 1}}
    with pytest.raises(UnusableClaimsError, match=r"their\.parameters"):
        caller(server, item, {**claims, "their": {"parameters": value}})


def test_an_issuer_may_stand_once() -> None:
    with pytest.raises(ValueError, match=r"should name the issuer \S+ once"):
        IdentityProviders.from_settings(
            [USUAL, {**USUAL, "audiences": ["b"]}], own_issuer="https://x.test", clock=time.time
        )


def test_a_refusal_names_the_provider_for_the_log(server: KeyServer) -> None:
    with pytest.raises(InvalidCredentialError, match=r"^acme: aud is none"):
        caller(server, {**USUAL, "name": "acme"}, {"sub": "u", "aud": "other"})


NESTED = {
    "https://hasura.io/jwt/claims": {"x-hasura-org-id": "acme"},
    "resource_access": {"my.client": {"roles": ["editor"]}, "my": {"name": "other"}},
    "firebase": {"identities": {"google.com": ["5"], "google": {"org": "7"}}},
    "a.b": {"c": "by a.b", "d": "by a.b"},
    "a": {"b.c": "by a", "b": {"c": "by a and b", "d": "by a and b", "e.f": "by a and b"}},
    "none": None,
    "none.at": {"all": "found"},
    "text": "a.b",
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("https://hasura.io/jwt/claims.x-hasura-org-id", "acme"),
        ("resource_access.my.client.roles", ["editor"]),
        ("resource_access.my.name", "other"),
        ("firebase.identities.google.com", ["5"]),
        ("firebase.identities.google.org", "7"),
        ("a.b.c", "by a.b"),  # The longest name that leads anywhere.
        ("a.b.d", "by a.b"),
        ("a.b.e.f", "by a and b"),
        ("none.at.all", "found"),
        ("text.a", None),
        ("text.a.b", None),
        ("a.b.x", None),
        ("a.", None),
        (".a", None),
        (".", None),
        ("firebase.identities.google.com.0", None),
    ],
)
def test_members_of_a_claim_may_have_dots_in_their_names(
    path: str, found: object, server: KeyServer
) -> None:
    item = {**USUAL, "claims": {"mapped": path}}
    mapped = caller(server, item, {"sub": "u", "aud": "app", **NESTED}).claims
    assert mapped == ({} if found is None else {"mapped": found})


def test_the_subject_may_be_anywhere(server: KeyServer) -> None:
    item = {**USUAL, "subjectClaim": "https://hasura.io/jwt/claims.x-hasura-org-id"}
    assert caller(server, item, {"aud": "app", **NESTED}).subject == "acme"
    with pytest.raises(InvalidCredentialError, match="the subject is not"):
        caller(server, item, {"aud": "app", "sub": "u"})


def test_an_exact_name_comes_before_a_dotted_path(server: KeyServer) -> None:
    item = {**USUAL, "claims": {"x": "a.b", "y": "a.b.c"}}
    claims = {"sub": "u", "aud": "app", "a": {"b": {"c": "path"}}}
    assert caller(server, item, claims).claims == {"x": {"c": "path"}, "y": "path"}
    exact = {**claims, "a.b": "exact"}
    assert caller(server, item, exact).claims == {"x": "exact", "y": "path"}
