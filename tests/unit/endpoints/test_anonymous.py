"""Anonymous users: who stays the same one, and who does not."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.endpoints.devices import (
    DAY,
    ISSUER,
    NOW,
    Clock,
    device_token,
    make_key,
    powersync_token,
    remembering,
)
from token_service.endpoints.anonymous import AnonymousSubjects, FormerSubject, FormerTokens
from token_service.keys import keyring, ring_document
from token_service.keys.keyring import KeyRing, SigningKey, State, Timings
from token_service.keys.publication import PublishedKey
from token_service.keys.ring_cache import ReadyRing


def test_each_device_gets_a_subject_of_its_own(subjects: AnonymousSubjects, ring: KeyRing) -> None:
    given = {subjects.subject_for(None, ReadyRing.of(ring)) for _ in range(100)}
    assert len(given) == 100
    assert all(len(subject) == 37 and subject.startswith("anon-") for subject in given)


@pytest.mark.parametrize("age", [0, 301, DAY, 30 * DAY - 1])
def test_a_device_stays_itself_for_as_long_as_it_is_remembered(
    age: int, subjects: AnonymousSubjects, ring: KeyRing, clock: Clock
) -> None:
    ready = ReadyRing.of(ring)
    first = subjects.subject_for(None, ready)
    token = subjects.device_token(ready, first)
    clock.now += age
    assert subjects.subject_for(token, ready) == first
    assert subjects.former_subject(token, ready) == FormerSubject(first, NOW)


def test_the_time_starts_again_with_each_use(
    subjects: AnonymousSubjects, ring: KeyRing, clock: Clock
) -> None:
    ready = ReadyRing.of(ring)
    first = subject = subjects.subject_for(None, ready)
    for _ in range(10):
        token = subjects.device_token(ready, subject)
        clock.now += 29 * DAY
        subject = subjects.subject_for(token, ready)
    assert subject == first


def test_a_device_that_was_away_for_too_long_is_a_new_one(
    subjects: AnonymousSubjects, ring: KeyRing, clock: Clock
) -> None:
    ready = ReadyRing.of(ring)
    for token in (device_token(ring.current, "anon-5"), powersync_token(ring.current, "anon-5")):
        clock.now = NOW + 30 * DAY
        assert subjects.subject_for(token, ready) != "anon-5"
        assert subjects.former_subject(token, ready) is None


def test_a_shorter_memory_counts_for_the_tokens_that_are_out(ring: KeyRing, clock: Clock) -> None:
    subjects = remembering(clock, seconds=2 * DAY)
    token = device_token(ring.current, "anon-5", now=NOW - 2 * DAY)
    assert subjects.former_subject(token, ReadyRing.of(ring)) is None


def test_a_device_stays_itself_when_the_service_moves_to_another_domain(
    subjects: AnonymousSubjects, ring: KeyRing
) -> None:
    before = "https://id.execute-api.eu-central-1.amazonaws.com"
    token = device_token(ring.current, "anon-5", iss=before, aud=before)
    assert subjects.subject_for(token, ReadyRing.of(ring)) == "anon-5"


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "EdDSA", "RS256", "RS512"])
def test_a_device_stays_itself_whatever_algorithm_the_ring_has(
    alg: str, subjects: AnonymousSubjects
) -> None:
    ready = ReadyRing.of(keyring.bootstrap(lambda: make_key(alg)))
    token = subjects.device_token(ready, "anon-5")
    assert subjects.subject_for(token, ready) == "anon-5"


def retired(key: SigningKey, stopped_at: int = NOW) -> KeyRing:
    """A ring that this key has left, as the functions read it."""
    timings = Timings(publish_before_signing=60, retain_after_signing=60, remember_retired=30 * DAY)
    ring = KeyRing((replace(key, state=State.PREVIOUS), *keyring.bootstrap(make_key).keys))
    published = {key.kid: PublishedKey(key.published_jwk, NOW, NOW, stopped_at, 60)}
    left = keyring.retire(ring, published, stopped_at + 60, timings)
    assert [kept.kid for kept in left.retired] == [key.kid]
    return ring_document.loads(ring_document.dumps(left))


@pytest.mark.parametrize("give", [device_token, powersync_token])
def test_a_device_stays_itself_after_its_key_has_left_the_ring(
    give: Callable[[SigningKey, str], str], subjects: AnonymousSubjects
) -> None:
    key = make_key()
    ready = ReadyRing.of(retired(key))
    assert subjects.subject_for(give(key, "anon-5"), ready) == "anon-5"


def test_a_key_retired_by_a_former_release_vouches_for_former_tokens_only(
    subjects: AnonymousSubjects,
) -> None:
    key = make_key()
    ring = retired(key)
    without = replace(ring, retired=(replace(ring.retired[0], device_secret=None),))
    ready = ReadyRing.of(ring_document.loads(ring_document.dumps(without)))
    assert subjects.former_subject(device_token(key, "anon-5"), ready) is None
    assert subjects.subject_for(powersync_token(key, "anon-5"), ready) == "anon-5"


@pytest.mark.parametrize("give", [device_token, powersync_token])
@pytest.mark.parametrize("has_left", [False, True])
def test_a_token_of_a_revoked_key_proves_nothing(
    has_left: bool, give: Callable[[SigningKey, str], str], subjects: AnonymousSubjects
) -> None:
    ring = keyring.bootstrap(make_key)
    key = ring.current
    if has_left:
        ring = retired(key)
    token = give(key, "anon-5")
    # It is even prepared by now.
    assert subjects.subject_for(token, ReadyRing.of(ring)) == "anon-5"
    document = ring_document.dumps(keyring.revoke(ring, [key.kid], make_key, NOW))
    ready = ReadyRing.of(ring_document.loads(document))
    assert subjects.subject_for(token, ready) != "anon-5"
    assert subjects.former_subject(token, ready) is None
    assert key.device_secret
    assert key.device_secret not in document


def test_the_device_secret_of_a_key_is_neither_published_nor_printed(ring: KeyRing) -> None:
    key, left = ring.current, retired(ring.current).retired[0]
    assert key.device_secret is not None
    assert key.device_secret == left.device_secret
    assert key.device_secret not in json.dumps(key.published_jwk)
    assert key.device_secret not in repr((ring, left, ReadyRing.of(ring)))


def test_a_token_of_the_former_release_is_taken_unless_a_setting_ends_it(
    ring: KeyRing, clock: Clock
) -> None:
    ready = ReadyRing.of(ring)
    token = powersync_token(ring.current, "anon-5")
    clock.now += 30 * DAY - 1
    for former, proven in (
        (FormerTokens.EXCHANGE, FormerSubject("anon-5", NOW)),
        (FormerTokens.ISSUE, FormerSubject("anon-5", NOW)),
        (FormerTokens.REFUSE, None),
    ):
        assert remembering(clock, former).former_subject(token, ready) == proven


def test_what_powersync_gets_is_a_memory_only_where_the_setting_says_so(
    ring: KeyRing, clock: Clock
) -> None:
    ready = ReadyRing.of(ring)
    for former, subject in (
        (FormerTokens.EXCHANGE, None),
        (FormerTokens.ISSUE, FormerSubject("anon-5", NOW)),
        (FormerTokens.REFUSE, None),
    ):
        subjects = remembering(clock, former)
        token = powersync_token(ring.current, "anon-5", jti=subjects.token_id())
        assert subjects.former_subject(token, ready) == subject


def test_the_shared_subject_is_everybodys_and_so_nobodys_former_one(
    ring: KeyRing, clock: Clock
) -> None:
    shared = AnonymousSubjects("shared", 0, ISSUER, FormerTokens.EXCHANGE, clock)
    ready = ReadyRing.of(ring)
    assert shared.subject_for(None, ready) == "anonymous"
    token = device_token(ring.current, "anon-5")
    assert shared.subject_for(token, ready) == "anonymous"
    assert shared.device_token(ready, "anonymous") is None
    assert shared.former_subject(powersync_token(ring.current, "anonymous"), ready) is None


def test_where_nothing_is_remembered_nothing_is_proven(ring: KeyRing, clock: Clock) -> None:
    subjects = remembering(clock, seconds=0)
    token = device_token(ring.current, "anon-5")
    assert subjects.former_subject(token, ReadyRing.of(ring)) is None


def test_prepared_keys_follow_the_ring(subjects: AnonymousSubjects) -> None:
    """Keys are parsed once, and a ring that goes on for years does not fill the memory."""
    for number in range(20):
        ring = keyring.bootstrap(make_key)
        ready = ReadyRing.of(ring)
        for key in ring.keys:
            subject = f"anon-{number}"
            assert subjects.subject_for(powersync_token(key, subject), ready) == subject
    assert len(subjects._prepared) == 2


def test_a_container_with_the_ring_from_before_a_rotation_knows_the_new_keys_tokens(
    subjects: AnonymousSubjects, ring: KeyRing
) -> None:
    token = device_token(ring.next, "anon-5")
    assert subjects.subject_for(token, ReadyRing.of(ring)) == "anon-5"
