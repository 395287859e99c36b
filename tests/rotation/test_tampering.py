"""The published document is edited, replaced or deleted by hand: there is a way out of each."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.rotation.account import TAGS, Account, prepare, steps
from token_service.keys.keyring import RotationTooEarlyError
from token_service.keys.problems import ProblemKind
from token_service.keys.rotation import Rotation

YEAR_3000 = 32_503_680_000

EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "generation is text": lambda document: document.update(generation="x"),
    "generation is far ahead": lambda document: document.update(generation=10**6),
    "generation is gone": lambda document: document.pop("generation"),
    "another member": lambda document: document.update(more="x"),
    "the keys in another order": lambda document: document["keys"].reverse(),
    "a key twice": lambda document: document["keys"].append(document["keys"][0]),
    "a key is gone": lambda document: document["keys"].pop(),
    "a key is a number": lambda document: document["keys"].append(5),
    "a key of somebody else": lambda document: document["keys"].append(
        {**document["keys"][0], "kid": "foreign"}
    ),
    "the keys are no list": lambda document: document.update(keys="x"),
    **{
        f"{name} is {told!r}": lambda document, name=name, told=told: [  # type: ignore[misc]
            key.update({name: told}) for key in document["keys"]
        ]
        for name, told in (
            ("published_at", "x"),
            ("published_at", YEAR_3000),
            ("signing_since", "x"),
            ("signing_since", YEAR_3000),
            ("stopped_signing_at", "x"),
            ("stopped_signing_at", YEAR_3000),
            ("stopped_signing_at", 5),
            ("retained_for", None),
            ("retained_for", 10**9),
            ("x", "another"),
            ("x", 5),
            ("y", None),
            ("kty", []),
            ("alg", "ES512"),
            ("use", "enc"),
            ("d", "private"),
            ("kid", None),
        )
    },
}


def _rotate_when_it_may(function: Rotation, account: Account) -> None:
    """As Secrets Manager does, which starts all over with the same token."""
    token = function.new_id()
    try:
        steps(function, token)
    except RotationTooEarlyError as refused:
        account.wait(refused.possible_at - account.clock())
        steps(function, token)


CHANGES: dict[str, Callable[[Rotation, Account], object]] = {
    "bootstrap": lambda function, _: function.bootstrap(),
    "retire": lambda function, _: function.retire(),
    "revoke": lambda function, account: function.revoke([account.signing().current.kid]),
    "revoke all": lambda function, _: function.revoke(None),
    "rotate": _rotate_when_it_may,
}


def _live_on(account: Account) -> None:
    """The ring and the JWKS agree, and every kind of change can be made."""
    account.check_consistent()
    for change in CHANGES.values():
        change(account.function(), account)
        account.check_consistent()
    account.wait(account.timings.retain_after_signing)
    assert len(account.function().retire().keys) == 2
    account.check_consistent()


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("edit", EDITS)
def test_a_document_edited_by_hand_heals_with_whatever_change_comes_next(
    edit: str, change: str
) -> None:
    account = prepare(Account(in_model=True))
    before, document = account.document(), account.document()
    EDITS[edit](document)
    assert document != before
    account.write_document(document)
    CHANGES[change](account.function(), account)
    assert set(account.document()) == {"generation", "keys"}
    for key in account.document()["keys"]:
        assert key["published_at"] < account.clock() + 1
        assert key.get("retained_for", 0) <= 90_120
        assert "d" not in key
    _live_on(account)


@pytest.mark.parametrize("change", CHANGES)
def test_a_deleted_parameter_is_made_anew_by_whatever_change_comes_next(change: str) -> None:
    account = prepare(Account(in_model=True))
    account.delete_parameter()
    CHANGES[change](account.function(), account)
    assert account.model is not None
    assert account.model.tags == [{"Key": name, "Value": value} for name, value in TAGS.items()]
    _live_on(account)


def test_a_parameter_deleted_during_a_rotation_is_made_anew_and_the_rotation_waits() -> None:
    account = prepare(Account(in_model=True))
    function, token = account.function(), account.function().new_id()
    function.create_secret(token)
    function.set_secret(token)
    account.delete_parameter()
    with pytest.raises(RotationTooEarlyError):
        function.finish_secret(token)
    account.wait(account.timings.publish_before_signing)
    function.finish_secret(token)
    _live_on(account)


def test_two_who_make_the_deleted_parameter_anew_agree() -> None:
    account = prepare(Account(in_model=True))
    account.delete_parameter()
    publisher = account.function().publisher
    publisher.publish()
    assert publisher.publications.make("{}") is None  # somebody else was quicker
    _live_on(account)


def test_the_ring_and_the_keys_are_told_while_the_parameter_is_gone() -> None:
    account = prepare(Account(in_model=True))
    account.delete_parameter()
    status = account.function().status()
    assert (status.ring, status.published) == (account.signing(), {})
    (problem,) = status.problems
    assert (problem.problem, problem.kid) == (ProblemKind.NOT_SERVED, None)
    assert problem.detail == "the JWKS parameter was deleted"


def test_the_embedded_aws_has_a_deleted_parameter_back_with_its_tags(running: Account) -> None:
    running.delete_parameter()
    running.function().revoke([running.signing().current.kid])
    assert running.parameter_tags() == TAGS
    running.check_consistent()


@pytest.mark.parametrize(
    "edit", [{"generation": "x"}, {"derived_from": 5}, {"forced": None}, {"retired": 5}]
)
@pytest.mark.parametrize("change", CHANGES)
def test_a_member_of_the_ring_edited_by_hand_stands_in_the_way_of_nothing(
    edit: dict[str, object], change: str
) -> None:
    account = prepare(Account(in_model=True))
    account.edit_ring(lambda ring: ring.update(edit))
    CHANGES[change](account.function(), account)
    _live_on(account)


@pytest.mark.parametrize("told", [None, {}, "x", {"kty": "EC"}])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_key_of_the_ring_edited_by_hand_can_be_revoked(told: object, which: int) -> None:
    account = prepare(Account(in_model=True))
    kid = account.signing().keys[which].kid
    account.edit_ring(lambda ring: ring["keys"][which].update(private_jwk=told))
    account.function().status()
    account.function().revoke([kid])
    _live_on(account)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_all_keys_can_be_revoked_where_one_was_edited_by_hand(which: int) -> None:
    account = prepare(Account(in_model=True))
    account.edit_ring(lambda ring: ring["keys"][which].update(private_jwk=None, alg=5))
    account.function().revoke(None)
    _live_on(account)
