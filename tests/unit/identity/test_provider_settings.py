"""The setting `identityProviders`: the deployment and the token service agree about it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from identity_providers import RESERVED_CLAIMS, IdentityProvider
from token_service.identity.provider_settings import UNMAPPABLE_CLAIMS, ProviderSettings

IDENTITY_MD = Path(__file__).parents[3] / "docs" / "identity.md"
BLOCKS = [
    yaml.safe_load(block)["config"]["powersync-auth:identityProviders"]
    for block in re.findall(r"```yaml\n(config:.*?)```", IDENTITY_MD.read_text(), re.DOTALL)
    if "identityProviders" in block
]
DOCUMENTED: list[dict[str, Any]] = [item for block in BLOCKS for item in block]
USUAL = {"issuer": "https://login.example.com", "audiences": ["app"]}


def deploy(item: dict[str, Any]) -> dict[str, Any]:
    """What the Pulumi program makes of an item for the function's environment."""
    document: dict[str, Any] = IdentityProvider.model_validate(item).model_dump(
        by_alias=True, exclude_none=True, exclude_unset=True
    )
    return document


def serve(item: dict[str, Any]) -> ProviderSettings:
    """What the token service makes of it."""
    return ProviderSettings.parse(item, allow_loopback_http=False)


@pytest.mark.parametrize("item", DOCUMENTED, ids=lambda item: item["name"])
def test_every_documented_provider_can_be_deployed_and_served(item: dict[str, Any]) -> None:
    assert deploy(item) == item
    assert serve(item).issuer == item["issuer"]


def test_all_providers_are_documented() -> None:
    names = [item["name"] for item in DOCUMENTED]
    others = {"auth0", "clerk", "firebase", "entra", "keycloak", "supabase"}
    assert names.count("cognito") == 2
    assert set(names) == {"cognito"} | others


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
    ],
    ids=str,
)
def test_both_accept(more: dict[str, Any]) -> None:
    item = {**USUAL, **more}
    assert deploy(item) == item
    serve(item)


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
        {"checkSession": {"cacheSeconds": True}},
        {"checkSession": {"cacheSeconds": 1.5}},
        {"checkSession": {"unheardOf": 1}},
        {"unheardOf": 1},
    ],
    ids=str,
)
def test_both_refuse(more: dict[str, Any]) -> None:
    item = {**USUAL, **more}
    with pytest.raises(ValidationError):
        deploy(item)
    with pytest.raises(ValueError, match=r"\w"):
        serve(item)


def test_the_protected_claims_are_the_same_ones() -> None:
    assert RESERVED_CLAIMS == UNMAPPABLE_CLAIMS
