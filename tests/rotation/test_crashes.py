"""A change of the key ring is stopped at each of its calls to AWS, then the world goes on."""

import uuid
from collections.abc import Callable, Iterator, Sequence

import pytest

from tests.conftest import Figure
from tests.rotation.account import Account, prepare, steps
from tests.rotation.watch import CrashError, Watch
from token_service.keys import ring_document
from token_service.keys.change import ABANDONED_AFTER, RotationInProgressError
from token_service.keys.keyring import RotationTooEarlyError, State
from token_service.keys.ring_store import ConflictError
from token_service.keys.rotation import Rotation

Change = Callable[[Rotation, str, "Before"], object]


class Before:
    """The keys before the change that is stopped."""

    def __init__(self, account: Account) -> None:
        ring = account.ring()
        self.current = ring.current.kid if ring else ""
        self.next = ring.next.kid if ring else ""
        self.previous = (
            [key.kid for key in ring.keys if key.state is State.PREVIOUS] if ring else []
        )

    def revoked_by(self, name: str) -> set[str]:
        """The keys among them that a change revokes."""
        return set(
            {
                "revoke the current key": [self.current],
                "revoke the next key": [self.next],
                "revoke a previous key": self.previous,
                "revoke current and next": [self.current, self.next],
                "revoke all": [self.current, self.next, *self.previous],
            }.get(name, [])
        )


CHANGES: dict[str, Change] = {
    "rotate": lambda function, token, _: steps(function, token),
    "retire": lambda function, _, __: function.retire(),
    "revoke the current key": lambda function, _, keys: function.revoke([keys.current]),
    "revoke the next key": lambda function, _, keys: function.revoke([keys.next]),
    "revoke a previous key": lambda function, _, keys: function.revoke(keys.previous),
    "revoke current and next": lambda function, _, keys: function.revoke([keys.current, keys.next]),
    "revoke all": lambda function, _, __: function.revoke(None),
}

REFUSALS = (ConflictError, RotationInProgressError, RotationTooEarlyError)
"""What a rotation or the clean-up may say to what a crash has left behind; a revocation may not."""

REVOKE_CURRENT = [
    CHANGES[name] for name in ("revoke the current key", "revoke current and next", "revoke all")
]

WRITES = ("PutSecretValue", "UpdateSecretVersionStage", "PutParameter")


@pytest.fixture(scope="module")
def prepared(_aws: None) -> Account:
    """Current, next and a previous key that may leave; the next one may sign. To be copied."""
    return prepare(Account())


@pytest.fixture(scope="module")
def in_model() -> Account:
    """The same in the model of AWS, where many can be tried."""
    return prepare(Account(in_model=True))


def _stopped_after(
    calls: int, account: Account, change: Callable[[Rotation], object], counted: Sequence[str] = ()
) -> bool:
    """Run a change whose process ends after so many calls; whether it ended on its own before.

    Stopping after a call is stopping before the next one: 0, 1, 2, … calls cover both. `counted`
    are the actions that count, all if it is empty.
    """
    stopped = False
    made = 0

    def before(_: int, action: str) -> None:
        nonlocal stopped, made
        if not counted or action in counted:
            made += 1
        if made > calls:
            stopped = True
            raise CrashError

    try:
        change(account.function(Watch(before, _checking(account).after)))
    except CrashError:
        assert stopped
    return not stopped


def _stops(
    prepared: Account, change: Change, counted: Sequence[str] = ()
) -> Iterator[tuple[Account, Before, str]]:
    """An account for each call at which the change can be stopped, just stopped there."""
    for calls in range(100):
        account, token = prepared.copy(), str(uuid.uuid4())
        before = Before(account)
        if change in REVOKE_CURRENT:
            account.being_revoked = {before.current, before.next}

        def run(function: Rotation, before: Before = before, token: str = token) -> object:
            return change(function, token, before)

        if _stopped_after(calls, account, run, counted):
            assert calls >= 4
            return
        yield account, before, token
    raise AssertionError("the change never ends")


@pytest.fixture
def _checked_everywhere(_aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever follows a crash is checked after each of its writes, too."""
    plain = Account.function

    def watched(account: Account, watch: Watch | None = None) -> Rotation:
        return plain(account, watch or _checking(account))

    monkeypatch.setattr(Account, "function", watched)


@pytest.mark.usefixtures("_checked_everywhere")
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_stopped_at_any_call_and_made_again_converges(
    prepared: Account, name: str, figure: Figure
) -> None:
    for account, before, token in _stops(prepared, CHANGES[name]):
        if name == "retire" and "AWSPENDING" in account.labels():
            account.wait(ABANDONED_AFTER + 1)  # until then it may be somebody else's
        _expect_revoked(name, account, before)
        CHANGES[name](account.function(), token, before)
        _check_outcome(name, account, before)
        figure("crashes survived", 1)


@pytest.mark.parametrize("other", CHANGES)
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_stopped_at_any_call_and_followed_by_another_loses_nothing(
    in_model: Account, name: str, other: str, figure: Figure
) -> None:
    for account, before, _ in _stops(in_model, CHANGES[name]):
        _expect_revoked(other, account, before)
        followed = account.function(_checking(account))
        try:
            CHANGES[other](followed, followed.new_id(), before)
        except REFUSALS:
            assert not before.revoked_by(other), "a revocation goes first"
        revoked = before.revoked_by(other)
        assert account.signing().current.kid not in revoked, "a revoked key signs on"
        assert not revoked & account.published().keys(), "a revoked key is published"
        _clean_up(account)
        ring = account.signing()
        assert revoked <= ring.revoked.keys()
        if other != "revoke all":  # also of those that the first change has made
            assert ring.revoked.keys() <= revoked | before.revoked_by(name)
        known = ring.kids | ring.revoked.keys()
        assert {before.current, before.next} <= known, "a key was lost"
        account.wait(account.timings.publish_before_signing)
        steps(account.function(_checking(account)), account.function().new_id())
        account.check_consistent()
        figure("crashes survived", 1)


def _expect_revoked(name: str, account: Account, before: Before) -> None:
    """The keys that a change is going to revoke, which nobody has to be able to verify."""
    account.being_revoked |= before.revoked_by(name)
    if name == "revoke all":  # also of those that a change before has made
        account.being_revoked |= account.signing().kids


def _checking(account: Account) -> Watch:
    def after(_: int, action: str) -> None:
        if action in WRITES:
            account.check_signing_key_is_published()

    return Watch(after=after)


def _clean_up(account: Account) -> None:
    """The daily clean-up, which comes after whatever was left has counted as abandoned."""
    account.wait(ABANDONED_AFTER + 1)
    try:
        account.function(_checking(account)).retire()
    except RotationTooEarlyError:  # the ring that was left is published only now
        account.wait(account.timings.publish_before_signing)
        account.function(_checking(account)).retire()
    account.check_consistent()


@pytest.mark.usefixtures("_checked_everywhere")
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_stopped_at_any_write_and_abandoned_is_cleaned_up(
    prepared: Account, name: str, figure: Figure
) -> None:
    for account, before, _ in _stops(prepared, CHANGES[name], WRITES):
        account.wait(86400)
        account.function().retire()
        account.check_consistent()
        ring = account.signing()
        may_be_gone = {*before.previous} | ({before.current, before.next} & ring.revoked.keys())
        known = {key.kid for key in ring.keys} | {key.kid for key in ring.retired}
        assert {before.current, before.next} <= known | may_be_gone, "a key was lost"
        account.wait(account.timings.publish_before_signing)
        steps(account.function(), str(uuid.uuid4()))
        account.check_consistent()
        figure("crashes survived", 1)


@pytest.mark.usefixtures("_checked_everywhere")
def test_a_bootstrap_stopped_at_any_call_is_made_again(figure: Figure) -> None:
    for calls in range(100):
        account = Account()
        if _stopped_after(calls, account, lambda function: function.bootstrap()):
            break
        made = account.ring()
        ring = account.function().bootstrap()
        assert made in (None, ring), "the first ring was written over"
        account.check_consistent()
        figure("crashes survived", 1)
    assert calls > 3


def test_a_crash_between_publishing_and_moving_the_label_is_one_of_those(
    prepared: Account,
) -> None:
    """The crashes above do reach the middle: a ring that is published and does not sign yet."""
    seen = set()
    for stopped, before, _ in _stops(prepared, CHANGES["rotate"], WRITES):
        pending = stopped.ring("AWSPENDING")
        moved = stopped.signing().current.kid != before.current
        published = pending is not None and pending.next.kid in stopped.published()
        seen.add((pending is not None, published, moved))
    assert seen >= {
        (False, False, False),
        (True, False, False),
        (True, True, False),
        (True, True, True),
        (False, False, True),
    }


def _check_outcome(name: str, account: Account, before: Before) -> None:
    account.check_consistent()
    ring = account.signing()
    states = {key.kid: key.state for key in ring.keys}
    if name == "rotate":
        assert ring.current.kid == before.next
        assert states[before.current] is State.PREVIOUS
    elif name == "retire":
        assert states == {before.current: State.CURRENT, before.next: State.NEXT}
    else:
        gone = before.revoked_by(name)
        assert gone == ring.revoked.keys() or (name == "revoke all" and gone < ring.revoked.keys())
        assert {before.current, before.next, *before.previous} - gone <= set(states)
    ring_document.loads(ring_document.dumps(ring))
