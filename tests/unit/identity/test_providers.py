"""Who is calling: what the settings of a provider make of a token."""

import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from tests.identity.key_server import KeyServer, PrivateKey, public_jwk, sign
from tests.unit.identity.stand_in import EC_KEY, ED_KEY, caller
from tests.unit.identity.test_provider_settings import USUAL
from token_service.identity.providers import (
    IdentityProviders,
    InsufficientScopeError,
    InvalidCredentialError,
    UnusableClaimsError,
)


@pytest.mark.parametrize("scope", [None, "", "email", "openidx", ["email"], 5, {"openid": True}])
def test_a_scope_that_is_not_granted_is_insufficient(scope: object, server: KeyServer) -> None:
    item = {**USUAL, "name": "acme", "requiredScopes": ["openid"]}
    with pytest.raises(InsufficientScopeError, match=r"^acme: .*scopes openid$") as refusal:
        caller(server, item, {"sub": "u", "aud": "app", "scope": scope})
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


@pytest.mark.parametrize("value", [{"jkt": "thumbprint"}, {}, None, "", False])
@pytest.mark.parametrize(
    ("claim", "reason"),
    [("cnf", "bound to a key of its sender"), ("events", "a security event, not a login")],
)
def test_a_token_for_something_else_is_no_login_however_little_it_says(
    claim: str, reason: str, value: object, server: KeyServer
) -> None:
    """RFC 7800, RFC 8417 §2.2."""
    with pytest.raises(InvalidCredentialError, match=reason):
        caller(server, USUAL, {"sub": "u", "aud": "app", claim: value})


def test_an_issuer_may_stand_once() -> None:
    with pytest.raises(ValueError, match=r"should name the issuer \S+ once"):
        IdentityProviders.from_settings(
            [USUAL, {**USUAL, "audiences": ["b"]}], own_issuer="https://x.test", clock=time.time
        )


def test_a_refusal_names_the_provider_for_the_log(server: KeyServer) -> None:
    with pytest.raises(InvalidCredentialError, match=r"^acme: aud is none"):
        caller(server, {**USUAL, "name": "acme"}, {"sub": "u", "aud": "other"})


def test_the_subject_may_be_anywhere(server: KeyServer) -> None:
    item = {**USUAL, "subjectClaim": "https://hasura.io/jwt/claims.x-hasura-user-id"}
    claims = {"aud": "app", "https://hasura.io/jwt/claims": {"x-hasura-user-id": "acme"}}
    assert caller(server, item, claims).subject == "acme"
    with pytest.raises(InvalidCredentialError, match=r"no claim https://hasura.io/jwt/claims\.x-h"):
        caller(server, item, {"aud": "app", "sub": "u"})


def test_mapped_claims_are_found_by_path(server: KeyServer) -> None:
    item = {**USUAL, "claims": {"x": "a.b", "y": "a.b.c", "z": "a.d"}}
    claims = {"sub": "u", "aud": "app", "a": {"b": {"c": "path"}, "d": None}}
    assert caller(server, item, claims).claims == {"x": {"c": "path"}, "y": "path"}


@pytest.mark.parametrize(
    ("sub", "reason"),
    [
        (None, "no claim sub"),
        ("", "the claim sub is empty"),
        (5, "the claim sub is a number, not a string"),
        ("a\u0000", "the claim sub has characters that cannot be printed"),
        ("u" * 256, "the subject is longer than 255"),
        ("anonymous", "the subject is reserved"),
    ],
)
def test_a_subject_that_is_none_is_refused_with_the_reason(
    sub: object, reason: str, server: KeyServer
) -> None:
    with pytest.raises(InvalidCredentialError, match=rf": {reason}"):
        caller(server, USUAL, {"sub": sub, "aud": "app"})


def test_a_subject_may_have_255_characters_with_its_prefix(server: KeyServer) -> None:
    item = {**USUAL, "subjectPrefix": "p:"}
    subject = caller(server, item, {"sub": "u" * 253, "aud": "app"}).subject
    assert subject == "p:" + "u" * 253
    with pytest.raises(InvalidCredentialError, match="longer"):
        caller(server, item, {"sub": "u" * 254, "aud": "app"})


def refusal_of_issuer(issuer: object, *configured: str) -> str:
    """Why a token of this issuer is refused, where these are configured."""
    providers = IdentityProviders.from_settings(
        [{**USUAL, "issuer": known} for known in configured],
        own_issuer="https://tokens.test",
        clock=lambda: 0.0,
    )
    token = sign({"alg": "ES256", "kid": "ec"}, {"iss": issuer}, EC_KEY, "ES256")
    with pytest.raises(InvalidCredentialError) as refusal:
        providers.authenticate(token)
    return str(refusal.value)


def test_a_refusal_names_the_issuer_and_the_nearest_configured_one() -> None:
    known = ("https://other.example.org", "https://login.example.com/")
    assert refusal_of_issuer("https://login.example.com", *known) == (
        "its issuer 'https://login.example.com' is not configured; the nearest that is:"
        " https://login.example.com/"
    )
    assert refusal_of_issuer("x") == "its issuer 'x' is not configured"
    assert refusal_of_issuer(None, *known) == "no claim iss"
    assert refusal_of_issuer(5, *known) == "the claim iss is a number, not a string"


def test_of_an_issuer_the_log_has_200_characters_of_one_line() -> None:
    reason = refusal_of_issuer("a\r\n\u202e\x1b" + "x" * 5_000)
    assert r"'a\r\n\u202e\x1bx" in reason
    assert reason.isprintable()
    assert len(reason) < 250


def test_an_algorithm_that_the_settings_lack_is_refused_before_anything_is_fetched() -> None:
    with KeyServer() as server:
        item = {**USUAL, "algorithms": ["RS256"]}
        with pytest.raises(InvalidCredentialError, match="signed with ES256"):
            caller(server, item, {"sub": "u", "aud": "app"}, {"alg": "ES256"}, EC_KEY)
        assert server.requests == []


def test_a_key_that_was_replaced_is_asked_for_also_without_a_kid() -> None:
    with KeyServer(keys=[public_jwk(ED_KEY)]) as server:
        providers = IdentityProviders.from_settings(
            [{**USUAL, "jwksUri": server.uri}],
            own_issuer="https://tokens.test",
            clock=time.time,
            allow_nearby_http=True,
        )
        claims = {"iss": USUAL["issuer"], "sub": "u", "aud": "app", "exp": time.time() + 60}
        other = ed25519.Ed25519PrivateKey.generate()
        for key in (ED_KEY, other):
            server.keys = [public_jwk(key)]
            token = sign({"alg": "EdDSA"}, claims, key, "EdDSA")
            assert providers.authenticate(token).subject == "u"
        for _ in range(5):
            with pytest.raises(InvalidCredentialError, match="not just one key"):
                providers.authenticate(sign({"alg": "EdDSA"}, claims, ED_KEY, "EdDSA"))
        assert len(server.requests) == 3  # One for each change of keys, and one for all of these.
