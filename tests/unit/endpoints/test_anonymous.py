"""Anonymous users: who stays the same one, and who does not."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from token_service.endpoints.anonymous import AnonymousSubjects
from token_service.keys import keyring
from token_service.keys.jwk import public_members
from token_service.keys.key_generation import generate_signing_key
from token_service.keys.keyring import KeyRing, SigningKey
from token_service.keys.signer import Signer
from token_service.keys.tokens import TokenIssuer

NOW = 1_800_000_000
DAY = 86_400


@dataclass
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


def make_key(alg: str = "ES256") -> SigningKey:
    return generate_signing_key(alg, NOW)


def issue(key: SigningKey, subject: str, role: str = "anonymous", now: float = NOW) -> str:
    issuer = TokenIssuer("https://tokens.test", ["https://instance.test"], 300)
    signer = Signer.from_key(key)
    return issuer.issue(signer, subject=subject, role=role, now=now, claims={}).encoded


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def subjects(clock: Clock) -> AnonymousSubjects:
    return AnonymousSubjects("per-device", 30 * DAY, clock)


@pytest.fixture
def ring() -> KeyRing:
    return keyring.bootstrap(make_key)


def test_each_device_gets_a_subject_of_its_own(subjects: AnonymousSubjects, ring: KeyRing) -> None:
    given = {subjects.subject_for(None, ring.verification_keys()) for _ in range(100)}
    assert len(given) == 100
    assert all(len(subject) == 37 and subject.startswith("anon-") for subject in given)


@pytest.mark.parametrize("age", [0, 301, DAY, 30 * DAY - 1])
def test_a_device_stays_itself_though_its_token_has_expired(
    age: int, subjects: AnonymousSubjects, ring: KeyRing, clock: Clock
) -> None:
    keys = ring.verification_keys()
    first = subjects.subject_for(None, keys)
    token = issue(ring.current, first)
    clock.now += age
    assert subjects.subject_for(token, keys) == first
    assert subjects.former_subject(token, keys) == first


def test_the_time_starts_again_with_each_token(
    subjects: AnonymousSubjects, ring: KeyRing, clock: Clock
) -> None:
    keys = ring.verification_keys()
    first = subject = subjects.subject_for(None, keys)
    for _ in range(10):
        token = issue(ring.current, subject, now=clock.now)
        clock.now += 29 * DAY
        subject = subjects.subject_for(token, keys)
    assert subject == first


def test_a_device_that_was_away_for_too_long_is_a_new_one(
    subjects: AnonymousSubjects, ring: KeyRing, clock: Clock
) -> None:
    keys = ring.verification_keys()
    token = issue(ring.current, "anon-old")
    clock.now += 30 * DAY
    assert subjects.subject_for(token, keys) != "anon-old"
    assert subjects.former_subject(token, keys) is None


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "EdDSA", "RS256", "RS512"])
def test_a_device_stays_itself_whatever_algorithm_signed_its_token(
    alg: str, subjects: AnonymousSubjects
) -> None:
    key = make_key(alg)
    keys = {key.kid: (key.alg, key.public_jwk)}
    assert subjects.subject_for(issue(key, "anon-5"), keys) == "anon-5"


def test_a_device_stays_itself_after_its_key_has_left_the_ring(
    subjects: AnonymousSubjects, ring: KeyRing
) -> None:
    retired = make_key()
    token = issue(retired, "anon-5")
    keys = {**ring.verification_keys(), retired.kid: (retired.alg, retired.public_jwk)}
    assert subjects.subject_for(token, keys) == "anon-5"


def test_a_token_of_a_revoked_key_proves_nothing(
    subjects: AnonymousSubjects, ring: KeyRing
) -> None:
    token = issue(ring.current, "anon-5")
    keys = ring.verification_keys()
    assert subjects.subject_for(token, keys) == "anon-5"  # It is even prepared by now.
    without = {kid: key for kid, key in keys.items() if kid != ring.current.kid}
    assert subjects.subject_for(token, without) != "anon-5"
    assert subjects.former_subject(token, without) is None


def forged(ring: KeyRing) -> dict[str, str]:
    stranger = make_key()
    header, payload, signature = issue(ring.current, "anon-5").split(".")
    other = base64.urlsafe_b64encode(json.dumps({"sub": "anon-6"}).encode()).rstrip(b"=").decode()
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"x"}').rstrip(b"=").decode()
    return {
        "empty": "",
        "no token": "anon-5",
        "not even ASCII": "é.é.é",
        "1 MB": "x" * 1_000_000,
        "a stranger's": issue(stranger, "anon-5"),
        "a stranger's under our kid": issue(replace(stranger, kid=ring.current.kid), "anon-5"),
        "other claims": f"{header}.{other}.{signature}",
        "no signature": f"{header}.{payload}.",
        "alg none": f"{none}.{payload}.",
        "two tokens": f"{header}.{payload}.{signature},{header}.{payload}.{signature}",
        "a signed-in user's": issue(ring.current, "anon-5", role="authenticated"),
        "the shared subject's": issue(ring.current, "anonymous"),
        "a user's subject": issue(ring.current, "alice"),
        "from the future": issue(ring.current, "anon-5", now=NOW + 3600),
    }


@pytest.mark.parametrize("name", forged(keyring.bootstrap(make_key)))
def test_what_proves_no_subject_is_no_error_and_gives_a_new_one(
    name: str, subjects: AnonymousSubjects, ring: KeyRing
) -> None:
    keys = ring.verification_keys()
    token = forged(ring)[name]
    subject = subjects.subject_for(token, keys)
    assert subject.startswith("anon-")
    assert subject not in {"anon-5", "anon-6"}
    assert subjects.former_subject(token, keys) is None


def test_the_shared_subject_is_everybodys_and_so_nobodys_former_one(
    ring: KeyRing, clock: Clock
) -> None:
    shared = AnonymousSubjects("shared", 0, clock)
    keys = ring.verification_keys()
    assert shared.subject_for(None, keys) == "anonymous"
    token = issue(ring.current, "anon-5")
    assert shared.subject_for(token, keys) == "anonymous"
    assert shared.former_subject(issue(ring.current, "anonymous"), keys) is None


def test_where_nothing_is_remembered_nothing_is_proven(ring: KeyRing, clock: Clock) -> None:
    subjects = AnonymousSubjects("per-device", 0, clock)
    assert subjects.former_subject(issue(ring.current, "anon-5"), ring.verification_keys()) is None


def test_prepared_keys_follow_the_ring(
    subjects: AnonymousSubjects, clock: Callable[[], float]
) -> None:
    """Keys are parsed once, and a ring that goes on for years does not fill the memory."""
    for number in range(20):
        key = make_key()
        keys = {key.kid: (key.alg, public_members(key.private_jwk))}
        subject = f"anon-{number}"
        assert subjects.subject_for(issue(key, subject), keys) == subject
    assert len(subjects._prepared) == 1


def test_a_container_with_the_ring_from_before_a_rotation_knows_the_new_keys_tokens(
    subjects: AnonymousSubjects, ring: KeyRing
) -> None:
    token = issue(ring.next, "anon-5")
    assert subjects.subject_for(token, ring.verification_keys()) == "anon-5"
