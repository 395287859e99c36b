"""The setting `identityProviders`: what it may hold, to the deployment and the token service."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from powersync_auth.identity_providers import check_providers
from token_service.identity.provider_settings import UNMAPPABLE_CLAIMS, ProviderSettings
from token_service.identity.settings_reader import InvalidProviderError

LAMBDA_SRC = Path(__file__).parents[3] / "lambda_src"

IDENTITY_MD = Path(__file__).parents[3] / "docs" / "identity.md"
BLOCKS = [
    yaml.safe_load(block)["config"]["powersync-auth:identityProviders"]
    for block in re.findall(r"```yaml\n(config:.*?)```", IDENTITY_MD.read_text(), re.DOTALL)
    if "identityProviders" in block
]
DOCUMENTED: list[dict[str, Any]] = [item for block in BLOCKS for item in block]
USUAL = {"issuer": "https://login.example.com", "audiences": ["app"]}


def read(item: object) -> ProviderSettings:
    """What the token service makes of an item that the program has let through."""
    check_providers([item], own_issuer=None)
    return ProviderSettings.parse(item, allow_nearby_http=False)


def mistakes(*items: object) -> dict[str, str]:
    """What the program says about these items, by the path of the key."""
    with pytest.raises(InvalidProviderError) as refusal:
        check_providers(items, own_issuer=None)
    return dict(refusal.value.mistakes)


@pytest.mark.parametrize("item", DOCUMENTED, ids=lambda item: item["name"])
def test_every_documented_provider_can_be_deployed_and_served(item: dict[str, Any]) -> None:
    assert read(item).issuer == item["issuer"]


def test_all_providers_are_documented() -> None:
    names = [item["name"] for item in DOCUMENTED]
    others = {"auth0", "clerk", "firebase", "entra", "keycloak", "supabase"}
    with_example = {"okta", "zitadel", "better-auth", "workos", "entra-external-id", "b2c"}
    with_example |= {"google", "descope", "stytch", "hydra", "logto"}
    assert names.count("cognito") == 2
    assert set(names) == {"cognito"} | others | with_example


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"name": "x", "clientIds": ["c"], "jwksUri": "https://keys.example.com/jwks?v=1"},
        {"algorithms": ["RS256", "PS512", "ES384", "EdDSA", "Ed25519"]},
        {"requiredScopes": ["api://x/sync"], "subjectClaim": "oid", "subjectPrefix": "entra:"},
        {"claims": {"roles": "https://example.com/roles", "parameters": "a.b"}},
        {"checkSession": {}},
        {"checkSession": {"userinfoUri": "https://x.example.com/u", "apiKey": "k"}},
        {"checkSession": {"cacheSeconds": 300}},
        {"tokenUse": "access", "checkSession": {"kind": "cognito"}},
        {"issuer": "https://example.eu.auth0.com/"},
        {"issuer": "https://login.example.com:8443/realms/x"},
        {"audiences": [], "anyAudience": True},
        {"anyAudience": False},
        {"anonymousWhen": {"claim": "is_anonymous", "value": True}},
        {"anonymousWhen": {"claim": "a.b", "value": "x"}},
        {"name": None, "clientIds": None, "checkSession": None, "claims": None, "tokenUse": None},
    ],
    ids=str,
)
def test_what_a_provider_may_be(more: dict[str, Any]) -> None:
    read({**USUAL, **more})


@pytest.mark.parametrize(
    "more",
    [
        {"issuer": None},
        {"issuer": ""},
        {"issuer": "login.example.com"},
        {"issuer": "http://login.example.com"},
        {"issuer": "https://user@login.example.com"},
        {"issuer": "https://login.example.com?x=1"},
        {"issuer": "https://login.example.com#x"},
        {"issuer": "https://login.example.com/ x"},
        {"issuer": "https://login.example.com:99999"},
        {"issuer": "https://"},
        {"audiences": []},
        {"audiences": "app"},
        {"audiences": [""]},
        {"audiences": [5]},
        {"clientIds": "app"},
        {"jwksUri": "http://login.example.com/jwks"},
        {"jwksUri": "ftp://login.example.com/jwks"},
        {"jwksUri": "file:///etc/passwd"},
        {"algorithms": ["HS256"]},
        {"algorithms": ["RS256", "none"]},
        {"algorithms": ["ES256K"]},
        {"algorithms": "RS256"},
        {"tokenUse": "refresh"},
        {"requiredScopes": ["two scopes"]},
        {"requiredScopes": ['quo"te']},
        {"requiredScopes": [""]},
        {"subjectClaim": 5},
        {"claims": ["roles"]},
        {"claims": {"roles": 5}},
        {"claims": {"roles": ""}},
        *({"claims": {name: "x"}} for name in sorted(UNMAPPABLE_CLAIMS)),
        {"checkSession": True},
        {"checkSession": {"kind": "introspection"}},
        {"checkSession": {"kind": "cognito"}},
        {"tokenUse": "id", "checkSession": {"kind": "cognito"}},
        {"checkSession": {"userinfoUri": "http://login.example.com/userinfo"}},
        {"checkSession": {"apiKey": "new\nline"}},
        {"checkSession": {"cacheSeconds": -1}},
        {"checkSession": {"cacheSeconds": 301}},
        {"algorithms": []},  # Nothing would be allowed, and everything would be.
        {"checkSession": {"cacheSeconds": True}},
        {"checkSession": {"cacheSeconds": 1.5}},
        {"checkSession": {"unheardOf": 1}},
        {"anyAudience": True},
        {"anyAudience": "yes"},
        {"anonymousWhen": {"claim": "is_anonymous"}},
        {"anonymousWhen": {"value": True}},
        {"anonymousWhen": {"claim": "is_anonymous", "value": 1.5}},
        {"anonymousWhen": "is_anonymous"},
        {"issuer": "https://login.microsoftonline.com/common/v2.0"},
        {"issuer": "https://login.microsoftonline.com/Organizations/v2.0"},
        {"issuer": "https://login.microsoftonline.us/consumers/v2.0"},
        {"unheardOf": 1},
    ],
    ids=str,
)
def test_what_a_provider_may_not_be(more: dict[str, Any]) -> None:
    item = {**USUAL, **more}
    (path,) = mistakes(item)
    assert path.startswith("[0]")
    with pytest.raises(InvalidProviderError):
        ProviderSettings.parse(item, allow_nearby_http=False)


KEYS_AT = {"audiences": ["app"], "jwksUri": "https://keys.example.com/jwks"}
SESSION_AT = "https://sessions.example.com/user"


@pytest.mark.parametrize("issuer", ["stytch.com/project-live-1", "acme.com", "P2abc", "Größe:1"])
def test_an_issuer_may_be_any_text_where_the_keys_are_known(issuer: str) -> None:
    """RFC 7519 §4.1.1."""
    item = {**KEYS_AT, "issuer": issuer}
    assert read(item).issuer == issuer
    assert "[0].issuer" in mistakes({**item, "jwksUri": None})
    # Nothing can be discovered at it.
    assert list(mistakes({**item, "checkSession": {}})) == ["[0].checkSession.userinfoUri"]
    read({**item, "checkSession": {"userinfoUri": SESSION_AT}})


@pytest.mark.parametrize("issuer", ["", " acme.com", "acme.com\n", "a\u0000b", None, 5])
def test_an_issuer_is_something_that_can_be_seen(issuer: object) -> None:
    assert list(mistakes({**KEYS_AT, "issuer": issuer})) == ["[0].issuer"]


def test_entras_names_for_many_tenants_would_match_no_token() -> None:
    for keys in ({}, KEYS_AT):
        issuer = "https://login.microsoftonline.com/{tenantid}/v2.0"
        said = mistakes({**USUAL, **keys, "issuer": issuer.replace("{tenantid}", "common")})
        assert said["[0].issuer"].startswith("should have the id of one tenant")
    assert "one tenant" in mistakes({**USUAL, **KEYS_AT, "issuer": issuer})["[0].issuer"]


@pytest.mark.parametrize("item", [None, "https://login.example.com", 5, ["x"]])
def test_a_provider_is_an_object(item: object) -> None:
    assert mistakes(item)["[0]"] == "should be an object"


def test_all_mistakes_are_told_at_once_each_with_its_key() -> None:
    wrong = {"issuer": "http://x", "audiences": "a", "tokenUse": "both", "checkSession": {"x": 1}}
    assert mistakes(USUAL, wrong) == {
        "[1].issuer": "should be an https:// URL",
        "[1].audiences": "should be a list",
        "[1].tokenUse": "should be 'id' or 'access'",
        "[1].checkSession.x": "no such key",
    }


def test_a_mistake_repeats_no_value() -> None:
    secret = "sb_secret_value"
    for key in ("issuer", "jwksUri", "audiences", "tokenUse", "algorithms", "claims", secret):
        wrong: dict[str, Any] = {**USUAL, key: secret}
        assert not any(secret in message for message in mistakes(wrong).values())


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("jwks_uri", "jwksUri"),
        ("jwks-uri", "jwksUri"),
        ("client_ids", "clientIds"),
        ("clientId", "clientIds"),
        ("token_use", "tokenUse"),
        ("audience", "audiences"),
        ("subject_claim", "subjectClaim"),
    ],
)
def test_a_key_that_is_spelt_otherwise_is_told_as_typed_and_as_meant(
    typed: str, meant: str
) -> None:
    said = mistakes({"issuer": USUAL["issuer"], typed: "x"})
    assert said[f"[0].{typed}"] == f"no such key: did you mean {meant}?"
    # Nobody is told to give what they meant to give.
    assert ("[0].clientIds" in said) == (meant not in {"clientIds", "audiences"})


def test_the_rules_need_no_package() -> None:
    """The program has none of the function's packages, and the function starts without them."""
    module = "token_service.identity.provider_settings"
    program = f"import sys; sys.path.insert(0, {str(LAMBDA_SRC)!r}); import {module}"
    subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True)
