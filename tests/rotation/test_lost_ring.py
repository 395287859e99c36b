"""The ring in use cannot be read any more: a new one takes its place."""

import json
from contextlib import suppress

import pytest

from tests.rotation.account import Account, steps
from tests.rotation.watch import CrashError, Watch
from token_service.aws.aws_json import AwsUnreachableError
from token_service.keys.keyring import KeyRingError
from token_service.keys.ring_store import PENDING, ConflictError
from token_service.keys.rotation import RingInUseError

VALUES = ("", "lost", "[]", '{"version":1}', json.dumps({"version": 2}))


@pytest.fixture
def account() -> Account:
    account = Account(in_model=True)
    account.function().bootstrap()
    account.wait(account.timings.publish_before_signing)
    steps(account.function(), account.function().new_id())
    account.wait(account.timings.publish_before_signing)
    return account


def _lives_on(account: Account) -> None:
    account.check_consistent()
    account.wait(account.timings.publish_before_signing)
    steps(account.function(), account.function().new_id())
    account.check_consistent()


@pytest.mark.parametrize("value", VALUES)
def test_a_new_ring_takes_the_place_of_one_that_cannot_be_read(
    account: Account, value: str
) -> None:
    before = account.signing().kids
    account.lose_ring(value)
    with pytest.raises(KeyRingError, match=r"docs/rotation\.md|version 2"):
        account.function().status()
    ring = account.function().new_ring()
    assert account.signing() == ring
    assert not before & ring.kids
    _lives_on(account)


def test_a_ring_that_can_be_read_is_not_replaced_and_is_published(account: Account) -> None:
    before = account.signing()
    account.write_document({"keys": []})
    with pytest.raises(RingInUseError, match="make revoke ALL=1"):
        account.function().new_ring()
    assert account.signing() == before
    account.check_consistent()


def test_a_secret_without_a_value_gets_its_first_ring() -> None:
    account = Account(in_model=True)
    ring = account.function().new_ring()
    assert account.signing() == ring == account.function().bootstrap()
    account.check_consistent()


def test_a_secret_out_of_reach_is_not_a_lost_ring(account: Account) -> None:
    before = account.signing()
    assert account.model is not None
    account.model.unreachable.add("secretsmanager")
    with pytest.raises(AwsUnreachableError):
        account.function().new_ring()
    account.model.unreachable.clear()
    assert account.signing() == before


def test_a_new_ring_does_not_wait_for_parameter_store(account: Account) -> None:
    assert account.model is not None
    account.model.unreachable.add("ssm")
    account.lose_ring("lost")
    ring = account.function().new_ring()
    assert account.signing() == ring
    account.model.unreachable.clear()
    assert account.function().publish_due() == []
    _lives_on(account)


@pytest.mark.parametrize("change", ["retire", "revoke", "new ring"])
def test_a_pending_version_that_cannot_be_read_is_in_the_way_of_nothing(
    account: Account, change: str
) -> None:
    function, token = account.function(), account.function().new_id()
    function.create_secret(token)
    assert account.model is not None
    account.model.values[token] = "lost"
    assert function.status().pending is not None
    if change == "new ring":
        account.lose_ring("lost")
        function.new_ring()
    elif change == "revoke":
        function.revoke([account.signing().current.kid])
    else:
        function.retire()
    assert PENDING not in account.labels()
    _lives_on(account)


def test_of_two_new_rings_at_once_one_wins(account: Account) -> None:
    account.lose_ring("lost")

    def intrude(_: int, action: str) -> None:
        if action == "UpdateSecretVersionStage" and account.model is not None:
            account.model.values["other"] = account.model.values[account.labels()[PENDING]]
            account.model.labels["AWSCURRENT"] = "other"

    with pytest.raises(ConflictError):
        account.function(Watch(before=intrude)).new_ring()


@pytest.mark.parametrize("label_delay", [0.0, 5.0])
def test_a_new_ring_stopped_at_any_call_is_made_again(account: Account, label_delay: float) -> None:
    for calls in range(100):
        lost = account.copy()
        assert lost.model is not None
        lost.lose_ring("lost")
        lost.model.label_delay = label_delay
        lost.wait(label_delay)

        def stop(number: int, _: str, calls: int = calls) -> None:
            if number > calls:
                raise CrashError

        try:
            lost.function(Watch(before=stop)).new_ring()
        except CrashError:
            lost.wait(label_delay)
            with suppress(RingInUseError):
                lost.function().new_ring()
            lost.wait(label_delay)
            lost.model.label_delay = 0
            _lives_on(lost)
        else:
            assert calls > 5
            return
    raise AssertionError("the change never ends")
