"""Two changes of the key ring at once: one wins, the other says so, nothing is lost."""

import threading
import uuid
from collections.abc import Callable

import pytest

from tests.conftest import Figure
from tests.rotation.account import Account, prepare, steps
from tests.rotation.watch import Watch
from token_service.keys.change import ABANDONED_AFTER, RotationInProgressError
from token_service.keys.jwk_set import PublicationError
from token_service.keys.keyring import KeyRing, RotationTooEarlyError
from token_service.keys.ring_store import ConflictError
from token_service.keys.rotation import Rotation

Change = Callable[[Rotation, Account], object]

REFUSALS = (ConflictError, PublicationError, RotationInProgressError, RotationTooEarlyError)
"""How the one who was later says so."""

CHANGES: dict[str, Change] = {
    "rotate": lambda function, account: steps(
        function, str(uuid.uuid4()), pause=account.model.label_delay if account.model else 0
    ),
    "retire": lambda function, _: function.retire(),
    "revoke current": lambda function, account: function.revoke([account.first[0]]),
    "revoke next": lambda function, account: function.revoke([account.first[1]]),
}
LABEL_DELAYS = (0.0, 1.0, 3.0, 5.0)
"""Seconds for which readers of the secret still see a label where it was."""

PAIRS = [(one, other) for one in CHANGES for other in CHANGES if {one, other} != {"retire"}]
ON_THE_EMULATOR = [("rotate", "rotate"), ("rotate", "revoke current"), ("revoke current", "rotate")]


@pytest.fixture(scope="module")
def in_model() -> Account:
    """All pairs are tried there, at hardly any cost."""
    return prepare(Account(in_model=True))


@pytest.fixture(scope="module")
def in_emulator(_aws: None) -> Account:
    return prepare(Account())


def _copy(prepared: Account) -> Account:
    account = prepared.copy()
    ring = account.signing()
    account.first = (ring.current.kid, ring.next.kid)
    account.being_revoked = set(account.first)
    return account


def _outcome(name: str, function: Rotation, account: Account) -> bool:
    """Whether a change was made; a revocation always is."""
    try:
        CHANGES[name](function, account)
    except REFUSALS:
        assert not name.startswith("revoke"), "an emergency goes first"
        return False
    return True


def _check(account: Account, made: dict[str, int]) -> None:
    """What both have said is true, and life goes on."""
    account.wait(ABANDONED_AFTER + 1)
    account.function().retire()
    account.wait(max(LABEL_DELAYS))
    account.check_consistent()
    ring = account.signing()
    signing, following = account.first
    revoked = {
        kid
        for kid, name in ((signing, "revoke current"), (following, "revoke next"))
        if made.get(name)
    }
    assert set(ring.revoked) == revoked
    assert not revoked & set(account.published())
    known = {key.kid for key in ring.keys} | {key.kid for key in ring.retired}
    assert {signing, following} - revoked <= known, "a key was lost"
    if made.get("rotate"):
        assert ring.current.kid != signing
    account.wait(account.timings.publish_before_signing)
    CHANGES["rotate"](account.function(), account)
    account.check_consistent()


@pytest.mark.parametrize("label_delay", LABEL_DELAYS)
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_change_in_the_middle_of_another(
    in_model: Account, one: str, other: str, label_delay: float, figure: Figure
) -> None:
    _interleave(in_model, one, other, figure, label_delay)


@pytest.mark.parametrize(("one", "other"), ON_THE_EMULATOR)
def test_a_change_in_the_middle_of_another_on_the_embedded_aws(
    in_emulator: Account, one: str, other: str, figure: Figure
) -> None:
    _interleave(in_emulator, one, other, figure)


def _interleave(
    prepared: Account, one: str, other: str, figure: Figure, label_delay: float = 0.0
) -> None:
    """The other change runs as a whole before each call of the first."""
    for moment in range(1, 100):
        account = _copy(prepared)
        if account.model is not None:
            account.model.label_delay = label_delay
            account.wait(label_delay)
        made: dict[str, int] = {one: 0, other: 0}
        intruded = False

        def intrude(
            number: int,
            _: str,
            moment: int = moment,
            account: Account = account,
            made: dict[str, int] = made,
        ) -> None:
            nonlocal intruded
            if number == moment:
                intruded = True
                made[other] += _outcome(other, account.function(), account)

        outcome = _outcome(one, account.function(Watch(before=intrude)), account)
        made[one] += outcome
        if not intruded:
            break
        assert sum(made.values()) >= 1, "neither won"
        account.wait(label_delay)
        if label_delay:
            account.check_sound()  # a new key that came to nothing may be left in the JWKS
        else:
            account.check_consistent()
        if one == other == "rotate":
            assert sum(made.values()) == 1
        _check(account, made)
        figure("interleavings of two changes", 1)
    assert moment > 5


@pytest.mark.parametrize("in_model", [True, False])
@pytest.mark.usefixtures("_aws")
def test_two_bootstraps_at_once_agree_on_one_ring(in_model: bool, figure: Figure) -> None:
    for moment in range(1, 100):
        account = Account(in_model=in_model)
        rings: list[KeyRing] = []

        def intrude(
            number: int,
            _: str,
            moment: int = moment,
            account: Account = account,
            rings: list[KeyRing] = rings,
        ) -> None:
            if number == moment:
                rings.append(account.function().bootstrap())

        rings.append(account.function(Watch(before=intrude)).bootstrap())
        if len(rings) < 2:
            break
        assert rings[0] == rings[1] == account.signing()
        account.check_consistent()
        figure("interleavings of two changes", 1)
    assert moment > 5


@pytest.mark.parametrize("attempt", range(4))
def test_a_rotation_and_a_revocation_in_two_threads(in_emulator: Account, attempt: int) -> None:
    account = _copy(in_emulator)
    made: dict[str, int] = {}

    def run(name: str) -> None:
        made[name] = _outcome(name, account.function(), account)

    threads = [
        threading.Thread(target=run, args=(name,))
        for name in ("rotate", "revoke current", "retire")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(made) == {"rotate", "revoke current", "retire"}, "a thread failed"
    assert made["revoke current"]
    _check(account, made)
