"""What could not be published is told, and published as soon as it can be."""

import json

import pytest

from tests.rotation.account import Account, steps
from token_service.keys.keyring import NoRoomError, Timings
from token_service.keys.problems import Problem, ProblemKind


@pytest.fixture
def account() -> Account:
    """A ring with a previous and with a retired key."""
    account = Account(in_model=True)
    account.function().bootstrap()
    for _ in range(2):
        account.wait(account.timings.publish_before_signing)
        steps(account.function(), account.function().new_id())
    account.wait(account.timings.retain_after_signing - account.timings.publish_before_signing)
    account.function().retire()
    assert len(account.signing().retired) == 1
    return account


def _ssm_is_out_of_reach(account: Account) -> None:
    assert account.model is not None
    account.model.unreachable.add("ssm")


def _ssm_is_back(account: Account) -> None:
    assert account.model is not None
    account.model.unreachable.clear()


def _problems(account: Account) -> set[tuple[ProblemKind, str | None]]:
    return {(each.problem, each.kid) for each in account.function().status().problems}


def test_where_nothing_is_wrong_there_is_no_problem_and_nothing_is_written(
    account: Account,
) -> None:
    before = account.document()
    assert account.function().status().problems == []
    assert account.function().publish_due() == []
    assert account.model is not None
    version = account.model.document_version
    assert account.document() == before
    assert account.function().publish_due() == []
    assert account.model.document_version == version


def test_a_change_under_way_is_no_problem(account: Account) -> None:
    account.wait(account.timings.publish_before_signing)
    function, token = account.function(), account.function().new_id()
    function.create_secret(token)
    assert _problems(account) == set()
    function.set_secret(token)
    assert _problems(account) == set()


def test_a_revocation_without_parameter_store_is_told_and_published_when_it_is_back(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    function, before = account.function(), account.signing()
    _ssm_is_out_of_reach(account)
    ring = function.revoke([before.current.kid])
    (unreadable,) = function.status().problems
    assert unreadable.problem is ProblemKind.UNREADABLE
    assert "TimeoutError" in str(unreadable.detail)
    problems = function.publish_due()
    assert [each.problem for each in problems] == [ProblemKind.UNWRITABLE, ProblemKind.UNREADABLE]
    _ssm_is_back(account)
    assert _problems(account) == {
        (ProblemKind.REVOKED, before.current.kid),
        (ProblemKind.NOT_PUBLISHED, ring.next.kid),
    }
    assert function.publish_due() == []
    assert _problems(account) == set()
    assert "of no ring" not in caplog.text  # it is one that was revoked
    account.check_consistent()


def test_a_foreign_key_is_named_and_taken_out(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    document = account.document()
    document["keys"].append({**document["keys"][0], "kid": "foreign"})
    account.write_document(document)
    assert _problems(account) == {
        (ProblemKind.NOT_SERVED, None),
        (ProblemKind.FOREIGN, "foreign"),
    }
    assert account.function().publish_due() == []
    assert "the key 'foreign' was published and is of no ring" in caplog.text
    account.check_consistent()


def test_keys_of_ours_that_leave_the_jwks_are_not_called_foreign(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    account.timings = Timings(3780, 4020, remember_retired=0)
    account.wait(account.timings.retain_after_signing)
    account.function().retire()
    account.function().revoke([account.signing().next.kid])
    account.function().revoke(None)
    assert "of no ring" not in caplog.text


def test_a_retired_and_a_revoked_key_that_are_published_are_told_apart(account: Account) -> None:
    document, ring = account.document(), account.signing()
    retired = {**document["keys"][0], "kid": ring.retired[0].kid}
    account.function().revoke([ring.keys[0].kid])
    account.put_sealed(json.dumps({**document, "keys": [*document["keys"], retired]}))
    assert _problems(account) == {
        (ProblemKind.REVOKED, ring.keys[0].kid),
        (ProblemKind.RETIRED, ring.retired[0].kid),
    }


def test_a_key_that_is_published_as_another_one_is_not_published(account: Account) -> None:
    document, kid = account.document(), account.signing().current.kid
    for key in document["keys"]:
        if key["kid"] == kid:
            key["x"] = "another"
    account.put_sealed(json.dumps(document))
    assert _problems(account) == {(ProblemKind.NOT_PUBLISHED, kid), (ProblemKind.FOREIGN, kid)}


def test_a_key_that_was_damaged_stays_a_problem_until_it_is_revoked(account: Account) -> None:
    kid = account.signing().next.kid
    account.edit_ring(
        lambda ring: [key.update(private_jwk={}) for key in ring["keys"] if key["kid"] == kid]
    )
    assert account.function().publish_due() == [Problem(ProblemKind.NOT_PUBLISHED, kid)]
    account.function().revoke([kid])
    assert account.function().publish_due() == []
    account.check_consistent()


def test_a_rotation_is_possible_when_there_is_room_for_its_key() -> None:
    """At the highest pace the JWKS is full before the next key may not sign."""
    account = Account(in_model=True)
    account.timings = Timings(
        publish_before_signing=4, retain_after_signing=400, remember_retired=0
    )
    account.function().bootstrap()
    for _ in range(40):
        wait = account.function().status().rotation_possible_at - account.clock()
        if wait > 4.5:
            break
        account.wait(max(0.0, wait))
        steps(account.function(), account.function().new_id())
    assert wait > 100
    account.wait(10)  # the next key might sign
    with pytest.raises(NoRoomError):
        steps(account.function(), account.function().new_id())
    account.wait(wait - 10)
    steps(account.function(), account.function().new_id())
