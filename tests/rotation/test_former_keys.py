"""Revoked keys do not come back as keys of a former signer, which the JWKS function adds."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.rotation.account import Account
from token_service.endpoints.jwks import JwksEndpoint
from token_service.keys import publication
from token_service.keys.keyring import UnknownKeyError
from token_service.keys.problems import Problem, ProblemKind
from token_service.settings import JwksSettings

JWKS = {"rawPath": "/.well-known/jwks.json", "requestContext": {"http": {"method": "GET"}}}
FORMER = {"kty": "OKP", "crv": "Ed25519", "x": "y", "kid": "former", "alg": "EdDSA", "use": "sig"}


@pytest.fixture
def account() -> Account:
    account = Account(in_model=True)
    account.function().bootstrap()
    return account


def served(account: Account, *legacy: Mapping[str, str]) -> set[str]:
    """By a JWKS function that has these former keys in its environment."""
    keys = [{"jwk": jwk, "until": account.clock() + 86_400} for jwk in legacy]
    settings = JwksSettings(account.parameter, 60, 120, {}, keys)
    answer: Any = JwksEndpoint(settings, account.reader(), account.clock)(JWKS, None)
    return {key["kid"] for key in json.loads(answer["body"])["keys"]}


def test_a_former_signers_key_is_revoked_at_once_and_no_key_of_ours_with_it(
    account: Account,
) -> None:
    account.legacy = frozenset({"former"})
    before = account.signing()
    assert served(account, FORMER) == {key.kid for key in before.keys} | {"former"}
    ring = account.function().revoke(["former"])
    assert (ring.keys, set(ring.revoked)) == (before.keys, {"former"})
    assert served(account, FORMER) == {key.kid for key in before.keys}
    assert account.function().status().problems == []


def test_a_revoked_key_of_ours_does_not_come_back_as_a_former_signers(account: Account) -> None:
    """Whether it was among them when it was revoked, or was put there later."""
    revoked = account.signing().current
    account.legacy = frozenset({revoked.kid, "former"})
    account.function().revoke([revoked.kid])
    assert revoked.kid not in served(account, FORMER, revoked.published_jwk)
    assert "former" in served(account, FORMER, revoked.published_jwk)
    later = account.signing().current
    account.legacy = frozenset()
    account.function().revoke([later.kid])
    account.legacy = frozenset({later.kid})
    assert account.function().publish_due() == []
    assert later.kid not in served(account, later.published_jwk)


def test_nothing_is_said_of_keys_that_are_no_former_signers(account: Account) -> None:
    """The room is for the keys, and there may be any number of revoked ones."""
    account.legacy = frozenset({"former"})
    account.function().revoke([account.signing().current.kid])
    assert "withdrawn" not in account.document()


def test_a_key_of_nobody_cannot_be_revoked(account: Account) -> None:
    account.legacy = frozenset({"former"})
    with pytest.raises(UnknownKeyError, match="another"):
        account.function().revoke(["another"])


def test_a_former_signers_key_that_could_not_be_taken_out_is_a_problem(account: Account) -> None:
    account.legacy = frozenset({"former"})
    assert account.model is not None
    account.model.unreachable.add("ssm")
    function = account.function()
    function.revoke(["former"])
    account.model.unreachable.clear()
    assert function.status().problems == [Problem(ProblemKind.REVOKED, "former")]
    assert function.publish_due() == []
    assert function.status().problems == []


def test_revoked_former_keys_take_room_in_the_document() -> None:
    jwks = [{"n": "x" * (publication.LARGEST_DOCUMENT - publication.RESERVE - 200)}]
    assert publication.fits(jwks)
    assert not publication.fits(jwks, ["x" * 200])
