"""The JWKS and the secret hold only so much: no ring gets stuck for want of room."""

from dataclasses import replace
from random import Random

import pytest

from tests.conftest import Figure
from tests.rotation.account import Account, steps
from tests.rotation.world import World
from token_service.keys import keyring, publication, publisher, ring_document
from token_service.keys.change import ABANDONED_AFTER
from token_service.keys.jwk_set import PublicationError
from token_service.keys.key_generation import generate_private_jwk, generate_signing_key
from token_service.keys.keyring import (
    KeyRing,
    KeyRingError,
    NoRoomError,
    RetiredKey,
    SigningKey,
    State,
    Timings,
)
from token_service.keys.publisher import JwksPublisher
from token_service.keys.ring_document import LARGEST_RING
from token_service.keys.ring_store import StoredRing
from token_service.keys.seal import LARGEST_SEAL
from token_service.keys.signer import ALGORITHMS, Signer

CACHES_AND_LIFETIMES = (
    *((cache, 60) for cache in (1, 2, 5, 10, 30, 60, 300)),
    (1, 300),
    (30, 3600),
    (3600, 300),
    (3600, 86400),
    (86400, 300),
)
"""Seconds: the longest cache of a verifier, and the lifetime of a token."""

ROTATIONS = 40


@pytest.fixture
def _nothing_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    def from_key(key: SigningKey) -> Signer:
        return Signer(key.kid, key.alg, lambda _: b"")

    monkeypatch.setattr(Signer, "from_key", staticmethod(from_key))


@pytest.mark.usefixtures("_nothing_is_signed")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_at_the_highest_pace_nothing_is_ever_locked(algorithm: str, figure: Figure) -> None:
    """Keys as large as real ones, as many as there can be, and the current one can be revoked."""
    jwk = generate_private_jwk(algorithm)
    for cache, lifetime in CACHES_AND_LIFETIMES:
        world = World(
            Random(cache + lifetime),
            cache,
            lifetime,
            algorithm=algorithm,
            size_of=jwk,
            remember_retired=30 * 86_400,
        )
        for _ in range(ROTATIONS):
            _rotate_as_soon_as_possible(world, figure)
            world.issue(0)
            world.verify(0)
        current = world.in_use().current.kid
        world.revoke([current])
        world.wait(world.derived.margin)
        assert current not in world.promises.published_since
        _rotate_as_soon_as_possible(world, figure)
        world.revoke(None)
        world.wait(world.derived.margin)
        assert set(world.promises.published_since) == {key.kid for key in world.in_use().keys}
        figure("rotations at the highest pace", ROTATIONS + 1)


def _rotate_as_soon_as_possible(world: World, figure: Figure) -> None:
    world.now = max(world.now, world.rotation_possible_at())
    try:
        world.rotate(world.new_id())
    except NoRoomError as refused:
        figure("rotations that waited for room", 1)
        world.now = max(world.now, refused.possible_at)
        world.rotate(world.new_id())  # it is possible when it says


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Account:
    """As earlier releases could leave it: the current key signs and has no room for its stamps."""
    account = Account(in_model=True)
    account.timings = Timings(
        publish_before_signing=4, retain_after_signing=400, remember_retired=0
    )
    function = account.function()
    function.bootstrap()

    def fits_without_stamps(self: JwksPublisher, current: StoredRing, prepared: KeyRing) -> bool:
        derived = publisher.derive(current.ring, [prepared], self.published(), account.clock(), 400)
        try:
            publication.dumps(derived, prepared.generation)
        except PublicationError:
            return False
        return True

    with monkeypatch.context() as patch:
        patch.setattr(JwksPublisher, "fits", fits_without_stamps)
        # Beside a seal there is as much room as was for a document without one.
        patch.setattr(publication, "LARGEST_DOCUMENT", 8192 + LARGEST_SEAL + 10)
        patch.setattr(account.model, "largest_parameter", publication.LARGEST_DOCUMENT)
        for _ in range(40):
            account.wait(4)
            try:
                steps(function, account.function().new_id())
            except PublicationError:
                break
    ring = account.signing()
    assert account.published()[ring.current.kid].signing_since is None
    return account


def test_a_ring_stuck_for_want_of_room_can_be_revoked_at_once(stuck: Account) -> None:
    current = stuck.signing().current.kid
    stuck.function().revoke([current])
    assert stuck.signing().current.kid != current
    assert current not in stuck.published()
    stuck.check_consistent()


def test_all_keys_of_a_ring_stuck_for_want_of_room_can_be_revoked(stuck: Account) -> None:
    before = {key.kid for key in stuck.signing().keys}
    ring = stuck.function().revoke(None)
    assert not before & stuck.published().keys()
    assert len(ring.keys) == 2
    stuck.check_consistent()


def test_a_ring_stuck_for_want_of_room_is_freed_by_the_daily_clean_up(stuck: Account) -> None:
    stuck.wait(86_400)
    stuck.function().retire()
    stuck.check_sound()
    stuck.wait(86_400)
    assert len(stuck.function().retire().keys) == 2
    stuck.check_consistent()


def test_a_ring_stuck_for_want_of_room_is_freed_by_a_rotation(stuck: Account) -> None:
    before = stuck.signing().next.kid
    stuck.wait(4)
    with pytest.raises(NoRoomError) as refused:
        steps(stuck.function(), stuck.function().new_id())
    stuck.wait(refused.value.possible_at - stuck.clock())
    steps(stuck.function(), stuck.function().new_id())
    assert stuck.signing().current.kid == before
    stuck.check_consistent()


@pytest.mark.parametrize("finished_by", ["the daily clean-up", "make rotate"])
def test_a_revocation_that_was_left_behind_for_want_of_room_is_made(
    stuck: Account, finished_by: str
) -> None:
    """As an earlier release left it: prepared, never published, and the key signed on."""
    function, current = stuck.function(), stuck.function().rings.current()
    left = keyring.revoke(
        current.ring, [current.ring.current.kid], function.make_key, int(stuck.clock())
    )
    token = function.new_id()
    left = KeyRing(
        left.keys,
        revoked=left.revoked,
        generation=current.ring.generation + 1,
        derived_from=current.version_id,
        forced=True,
    )
    function.rings.put(token, left)
    if finished_by == "make rotate":
        stuck.wait(300)
        with pytest.raises(Exception, match="what it revoked is revoked"):
            steps(stuck.function(), token)
    else:
        stuck.wait(ABANDONED_AFTER + 1)
        stuck.function().retire()
    assert current.ring.current.kid in stuck.signing().revoked
    assert current.ring.current.kid not in stuck.published()
    stuck.check_consistent()


def test_a_ring_of_the_largest_keys_fits_into_a_secret() -> None:
    key = generate_signing_key("RS512", 0)
    states = [*[State.PREVIOUS] * 6, State.CURRENT, State.NEXT]
    ring = KeyRing(
        tuple(replace(key, kid=f"key-{n}", state=state) for n, state in enumerate(states)),
        retired=tuple(RetiredKey(f"r{n}", "RS512", key.public_jwk, n) for n in range(50)),
        revoked={f"{n:043}": n for n in range(600)},
    )
    assert len(ring_document.dumps(ring)) > LARGEST_RING
    fitting = ring_document.trimmed(ring)
    assert len(ring_document.dumps(fitting)) <= LARGEST_RING
    assert fitting.keys == ring.keys
    assert f"{599:043}" in fitting.revoked  # the latest ones stay
    assert len(fitting.revoked) == keyring.MOST_RETIRED
    assert fitting.retired == ring.retired[-len(fitting.retired) :]
    one_more = ring.retired[-len(fitting.retired) - 1 :]
    assert len(ring_document.dumps(replace(fitting, retired=one_more))) > LARGEST_RING


def test_a_ring_that_just_fits_is_left_alone() -> None:
    key = generate_signing_key("ES256", 0)
    keys = (replace(key, kid="current", state=State.CURRENT), key)
    empty = KeyRing(keys, retired=(RetiredKey("", "ES256", {}, 0),))
    room = LARGEST_RING - len(ring_document.dumps(empty))
    full = replace(empty, retired=(RetiredKey("x" * room, "ES256", {}, 0),))
    assert len(ring_document.dumps(full)) == LARGEST_RING
    assert ring_document.trimmed(full) == full
    over = replace(empty, retired=(RetiredKey("x" * (room + 1), "ES256", {}, 0),))
    assert ring_document.trimmed(over).retired == ()


def test_keys_that_no_secret_holds_are_not_cut_down() -> None:
    key = generate_signing_key("RS512", 0)
    keys = tuple(SigningKey(f"{n}", "RS512", State.PREVIOUS, 0, key.private_jwk) for n in range(40))
    with pytest.raises(KeyRingError, match="40 keys do not fit"):
        ring_document.trimmed(KeyRing(keys))
