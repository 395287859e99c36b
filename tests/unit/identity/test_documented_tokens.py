"""The tokens that `docs/identity.md` shows: the block above takes each, and nothing near it."""

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.identity.key_server import KeyServer, PrivateKey
from tests.unit.identity.stand_in import EC384_KEY, ED_KEY, RSA_KEY, caller
from tests.unit.identity.test_provider_settings import IDENTITY_MD
from token_service.identity.providers import Caller, InvalidCredentialError

KEYS: dict[str, tuple[str, PrivateKey]] = {
    "RS256": ("k", RSA_KEY),
    "ES384": ("ec384", EC384_KEY),
    "EdDSA": ("ed", ED_KEY),
}
TIMES = {"iat", "nbf", "exp", "auth_time"}


@dataclass(frozen=True)
class Shown:
    """A provider's block, and the header and the payload of the token that is shown for it."""

    item: dict[str, Any]
    header: dict[str, Any]
    payload: dict[str, Any]

    def caller(self, server: KeyServer, **changes: object) -> Caller:
        """Who a token of this shape is taken for; None takes a claim away."""
        claims = {name: value for name, value in self.payload.items() if name not in TIMES}
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        kid, key = KEYS[self.header["alg"]]
        return caller(server, self.item, claims, {**self.header, "kid": kid}, key)


def shown() -> dict[str, Shown]:
    pairs = re.findall(
        r"```yaml\n(config:\n  powersync-auth:identityProviders:[^`]*)```\n\n```json\n([^`]*)```",
        IDENTITY_MD.read_text(),
    )
    found = {}
    for block, token in pairs:
        (item,) = yaml.safe_load(block)["config"]["powersync-auth:identityProviders"]
        header, end = json.JSONDecoder().raw_decode(token)
        found[item["name"]] = Shown(item, header, json.loads(token[end:]))
    return found


SHOWN = shown()
USERS = {
    "okta": Caller("00u1example", {"groups": ["editors"]}),
    "zitadel": Caller(
        "300000000000000009",
        {"roles": {"editor": {"300000000000000005": "example.zitadel.cloud"}}},
    ),
    "better-auth": Caller("Yx3kExample", {"email": "ann@example.com"}),
    "workos": Caller(
        "user_01EXAMPLE",
        {
            "organisation": "org_01EXAMPLE",
            "permissions": ["posts:read"],
            "impersonator": "admin@example.com",
        },
    ),
    "entra-external-id": Caller("99999999-0000-1111-2222-333333333333", {}),
    "b2c": Caller("99999999-0000-1111-2222-333333333333", {"policy": "B2C_1_signupsignin"}),
    "google": Caller("110169484474386276334", {"domain": "example.com"}),
    "descope": Caller("U2EXAMPLE", {"tenant": "T2EXAMPLE", "roles": ["editor"]}),
    "stytch": Caller("user-live-22222222-example", {}),
    "hydra": Caller("user-5", {"organisation": "acme"}),
    "logto": Caller("abc123def456", {}),
}


def test_the_tokens_that_are_shown_are_tried() -> None:
    assert SHOWN.keys() == USERS.keys()


@pytest.mark.parametrize("name", SHOWN)
def test_the_token_that_is_shown_is_taken(name: str, server: KeyServer) -> None:
    assert SHOWN[name].caller(server) == USERS[name]
    assert {"iat", "exp"} <= SHOWN[name].payload.keys()


@pytest.mark.parametrize("name", SHOWN)
def test_the_issuer_is_compared_to_the_last_character(name: str, server: KeyServer) -> None:
    issuer = SHOWN[name].item["issuer"]
    for other in (issuer + "/", issuer[:-1], issuer + "x", issuer.upper()):
        with pytest.raises(InvalidCredentialError, match="is not configured"):
            SHOWN[name].caller(server, iss=other)


ANOTHER_APPLICATIONS: list[tuple[str, dict[str, object]]] = [
    ("okta", {"aud": "https://example.okta.com"}),
    ("okta", {"cid": "0oa2another"}),
    ("okta", {"uid": None}),
    ("zitadel", {"aud": ["300000000000000002"]}),
    ("better-auth", {"aud": "https://another.example.com"}),
    ("entra-external-id", {"aud": "00000003-0000-0000-c000-000000000000"}),
    ("b2c", {"aud": "77777777-8888-9999-0000-111111111111"}),
    ("google", {"aud": "1234567890-android.apps.googleusercontent.com"}),
    ("descope", {"aud": None}),
    ("descope", {"aud": ["P2abcEXAMPLE"]}),
    ("stytch", {"aud": ["project-test-11111111-example"]}),
    ("hydra", {"client_id": "another"}),
    ("hydra", {"client_id": None}),
    ("logto", {"aud": "urn:logto:organization:acme"}),
]


@pytest.mark.parametrize(("name", "changes"), ANOTHER_APPLICATIONS, ids=str)
def test_a_token_for_another_application_is_refused(
    name: str, changes: dict[str, object], server: KeyServer
) -> None:
    with pytest.raises(InvalidCredentialError):
        SHOWN[name].caller(server, **changes)
