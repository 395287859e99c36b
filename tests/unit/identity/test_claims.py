"""Reading claims: by path, and why one is refused."""

import pytest

from token_service.identity.claims import (
    claim_at,
    claim_fault,
    client_id,
    nearest,
    texts,
    words,
)

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
        ("text", "a.b"),
        ("text.a", None),
        ("text.a.b", None),
        ("a.b.x", None),
        ("a.", None),
        (".a", None),
        (".", None),
        ("firebase.identities.google.com.0", None),
    ],
)
def test_members_of_a_claim_may_have_dots_in_their_names(path: str, found: object) -> None:
    assert claim_at(NESTED, path) == found


def test_an_exact_name_comes_before_a_dotted_path() -> None:
    claims = {"a": {"b": {"c": "path"}}}
    assert claim_at(claims, "a.b") == {"c": "path"}
    assert claim_at(claims, "a.b.c") == "path"
    assert claim_at({**claims, "a.b": "exact"}, "a.b") == "exact"


@pytest.mark.parametrize(
    ("claims", "client"),
    [
        ({"client_id": "c", "azp": "x", "aud": "y"}, "c"),
        ({"azp": "c", "aud": "y"}, "c"),
        ({"appid": "c"}, "c"),
        ({"cid": "c", "aud": "api://default"}, "c"),  # Okta
        ({"aud": "c"}, "c"),
        ({"aud": ["c"]}, "c"),
        ({"aud": ["c", "d"]}, None),
        ({"client_id": None, "aud": "c"}, None),
        ({"cid": ["c"], "aud": "c"}, None),
        ({}, None),
    ],
)
def test_where_a_token_names_its_client(claims: dict[str, object], client: object) -> None:
    assert client_id(claims) == client


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a", ["a"]),
        (["a", "b"], ["a", "b"]),
        ([], []),
        (["a", 5], []),
        (["a", None], []),
        (5, []),
        (None, []),
        ({"a": "a"}, []),
    ],
)
def test_a_list_with_anything_but_strings_counts_as_absent(value: object, found: list[str]) -> None:
    assert list(texts(value)) == found


def test_only_spaces_part_scopes() -> None:
    """RFC 6749 §3.3: a tab is no part of a scope, and parts none."""
    assert list(words("openid sync")) == ["openid", "sync"]
    assert "sync" not in words("openid\tsync")
    assert "sync" not in words("openid\nsync")
    assert list(words(["openid", "sync"])) == ["openid", "sync"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no claim oid"),
        ("", "the claim oid is empty"),
        (5, "the claim oid is a number, not a string"),
        (5.5, "the claim oid is a number, not a string"),
        (True, "the claim oid is a boolean, not a string"),
        (["a"], "the claim oid is a list, not a string"),
        ({"a": 1}, "the claim oid is an object, not a string"),
        ("a\n", "the claim oid has characters that cannot be printed"),
    ],
)
def test_what_is_wrong_with_a_claim_that_has_to_be_text(value: object, reason: str) -> None:
    assert claim_fault("oid", value) == reason


@pytest.mark.parametrize(
    ("issuer", "meant"),
    [
        ("https://example.com", "https://example.com/"),
        ("http://example.com/", "https://example.com/"),
        ("https://EXAMPLE.com/", "https://example.com/"),
        ("https://login.example.org/realms/b", "https://login.example.org/realms/a"),
        ("example.com", "https://example.com/"),
    ],
)
def test_the_nearest_issuer_is_the_one_that_was_meant(issuer: str, meant: str) -> None:
    others = ["https://other.example", "https://login.example.org/realms/a", "https://example.com/"]
    assert nearest(issuer, others) == meant
    assert nearest(issuer, []) is None
