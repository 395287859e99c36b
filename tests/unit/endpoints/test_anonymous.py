"""Anonymous users: who stays the same one, and who does not."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from token_service.endpoints.anonymous import AnonymousSubjects, FormerSubject, FormerTokens
from token_service.keys import keyring
from token_service.keys.jwk import public_members
from token_service.keys.key_generation import generate_signing_key
from token_service.keys.keyring import KeyRing, SigningKey
from token_service.keys.signer import Signer, segment
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


ISSUER = "https://tokens.test"
INSTANCE = "https://instance.test"


def device_token(key: SigningKey, subject: str, now: float = NOW, **changes: object) -> str:
    """As the service gives it out, but for what is changed; None takes a claim out."""
    claims = {"iss": ISSUER, "aud": ISSUER, "sub": subject, "iat": now, "exp": now + 30 * DAY}
    kept = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return Signer.from_key(key).compact(kept, "device+jwt")


def powersync_token(
    key: SigningKey, subject: str, role: str = "anonymous", now: float = NOW, jti: str | None = None
) -> str:
    """As the former release gave it out, which had no `jti`; devices kept that one."""
    issuer = TokenIssuer(ISSUER, [INSTANCE], 300)
    signer = Signer.from_key(key)
    return issuer.issue(
        signer, subject=subject, role=role, now=now, claims={}, token_id=jti
    ).encoded


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def subjects(clock: Clock) -> AnonymousSubjects:
    return remembering(clock)


def remembering(
    clock: Clock, former: FormerTokens = FormerTokens.EXCHANGE, seconds: int = 30 * DAY
) -> AnonymousSubjects:
    return AnonymousSubjects("per-device", seconds, ISSUER, former, clock)


@pytest.fixture
def ring() -> KeyRing:
    return keyring.bootstrap(make_key)


def test_each_device_gets_a_subject_of_its_own(subjects: AnonymousSubjects, ring: KeyRing) -> None:
    given = {subjects.subject_for(None, ring.verification_keys()) for _ in range(100)}
    assert len(given) == 100
    assert all(len(subject) == 37 and subject.startswith("anon-") for subject in given)


@pytest.mark.parametrize("age", [0, 301, DAY, 30 * DAY - 1])
def test_a_device_stays_itself_for_as_long_as_it_is_remembered(
    age: int, subjects: AnonymousSubjects, ring: KeyRing, clock: Clock
) -> None:
    keys = ring.verification_keys()
    first = subjects.subject_for(None, keys)
    token = subjects.device_token(Signer.from_key(ring.current), first)
    clock.now += age
    assert subjects.subject_for(token, keys) == first
    assert subjects.former_subject(token, keys) == FormerSubject(first, NOW)


def test_the_time_starts_again_with_each_use(
    subjects: AnonymousSubjects, ring: KeyRing, clock: Clock
) -> None:
    keys = ring.verification_keys()
    first = subject = subjects.subject_for(None, keys)
    for _ in range(10):
        token = subjects.device_token(Signer.from_key(ring.current), subject)
        clock.now += 29 * DAY
        subject = subjects.subject_for(token, keys)
    assert subject == first


def test_a_device_that_was_away_for_too_long_is_a_new_one(
    subjects: AnonymousSubjects, ring: KeyRing, clock: Clock
) -> None:
    keys = ring.verification_keys()
    for token in (device_token(ring.current, "anon-5"), powersync_token(ring.current, "anon-5")):
        clock.now = NOW + 30 * DAY
        assert subjects.subject_for(token, keys) != "anon-5"
        assert subjects.former_subject(token, keys) is None


def test_a_shorter_memory_counts_for_the_tokens_that_are_out(ring: KeyRing, clock: Clock) -> None:
    subjects = remembering(clock, seconds=2 * DAY)
    token = device_token(ring.current, "anon-5", now=NOW - 2 * DAY)
    assert subjects.former_subject(token, ring.verification_keys()) is None


def test_a_device_stays_itself_when_the_service_moves_to_another_domain(
    subjects: AnonymousSubjects, ring: KeyRing
) -> None:
    before = "https://id.execute-api.eu-central-1.amazonaws.com"
    token = device_token(ring.current, "anon-5", iss=before, aud=before)
    assert subjects.subject_for(token, ring.verification_keys()) == "anon-5"


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "EdDSA", "RS256", "RS512"])
def test_a_device_stays_itself_whatever_algorithm_signed_its_token(
    alg: str, subjects: AnonymousSubjects
) -> None:
    key = make_key(alg)
    keys = {key.kid: (key.alg, key.public_jwk)}
    assert subjects.subject_for(device_token(key, "anon-5"), keys) == "anon-5"


def test_a_device_stays_itself_after_its_key_has_left_the_ring(
    subjects: AnonymousSubjects, ring: KeyRing
) -> None:
    retired = make_key()
    keys = {**ring.verification_keys(), retired.kid: (retired.alg, retired.public_jwk)}
    assert subjects.subject_for(device_token(retired, "anon-5"), keys) == "anon-5"


@pytest.mark.parametrize("give", [device_token, powersync_token])
def test_a_token_of_a_revoked_key_proves_nothing(
    give: Callable[[SigningKey, str], str], subjects: AnonymousSubjects, ring: KeyRing
) -> None:
    token = give(ring.current, "anon-5")
    keys = ring.verification_keys()
    assert subjects.subject_for(token, keys) == "anon-5"  # It is even prepared by now.
    without = {kid: key for kid, key in keys.items() if kid != ring.current.kid}
    assert subjects.subject_for(token, without) != "anon-5"
    assert subjects.former_subject(token, without) is None


def with_payload(token: str, **changes: object) -> str:
    """The token with other claims under the same signature."""
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{header}.{segment({**claims, **changes}).decode()}.{signature}"


def forged(ring: KeyRing) -> dict[str, str]:
    key, stranger = ring.current, make_key()
    good = device_token(key, "anon-5")
    header, payload, _ = good.split(".")
    none = segment({"alg": "none", "kid": "x", "typ": "device+jwt"}).decode()
    typ_edited = segment({"alg": "ES256", "kid": key.kid, "typ": "device+jwt"}).decode()
    of_powersync = powersync_token(key, "anon-5", jti="1").split(".")
    return {
        "empty": "",
        "no token": "anon-5",
        "not even ASCII": "é.é.é",
        "1 MB": "x" * 1_000_000,
        "a stranger's": device_token(stranger, "anon-5"),
        "a stranger's under our kid": device_token(replace(stranger, kid=key.kid), "anon-5"),
        "another subject under the same signature": with_payload(good, sub="anon-6"),
        "a longer life under the same signature": with_payload(good, exp=NOW + 99 * DAY),
        "no signature": f"{header}.{payload}.",
        "alg none": f"{none}.{payload}.",
        "two tokens": f"{good},{good}",
        "the shared subject's": device_token(key, "anonymous"),
        "a user's subject": device_token(key, "alice"),
        "no subject": device_token(key, "anon-5", sub=None),
        "from the future": device_token(key, "anon-5", now=NOW + 3600),
        "expired": device_token(key, "anon-5", now=NOW - DAY, exp=NOW - 60),
        "without exp": device_token(key, "anon-5", exp=None),
        "without iat": device_token(key, "anon-5", iat=None),
        "for the PowerSync instance": device_token(key, "anon-5", aud=INSTANCE),
        "for the PowerSync instance, too": device_token(key, "anon-5", aud=[ISSUER, INSTANCE]),
        "for nobody": device_token(key, "anon-5", aud=None),
        "for nobody, by nobody": device_token(key, "anon-5", aud=None, iss=None),
        "of another type": Signer.from_key(key).compact(
            {"iss": ISSUER, "aud": ISSUER, "sub": "anon-5", "iat": NOW, "exp": NOW + DAY},
            "logout+jwt",
        ),
        "the former release's, of another type": Signer.from_key(key).compact(
            {"sub": "anon-5", "role": "anonymous", "iat": NOW, "exp": NOW + 300}, "logout+jwt"
        ),
        "what PowerSync gets today": ".".join(of_powersync),
        "what PowerSync gets, called a device token": ".".join([typ_edited, *of_powersync[1:]]),
        "what PowerSync got, called a device token": Signer.from_key(key).compact(
            {"iss": ISSUER, "aud": INSTANCE, "sub": "anon-5", "iat": NOW, "exp": NOW + 300},
            "device+jwt",
        ),
        **{
            f"the former release's with the role {role!r}": powersync_token(key, "anon-5", role)
            for role in ("authenticated", "Anonymous", "admin", "")
        },
        "the former release's with its role edited": with_payload(
            powersync_token(key, "anon-5", "authenticated"), role="anonymous"
        ),
        "the former release's shared subject": powersync_token(key, "anonymous"),
        "the former release's from the future": powersync_token(key, "anon-5", now=NOW + 3600),
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


def test_a_token_of_the_former_release_is_taken_unless_a_setting_ends_it(
    ring: KeyRing, clock: Clock
) -> None:
    keys = ring.verification_keys()
    token = powersync_token(ring.current, "anon-5")
    clock.now += 30 * DAY - 1
    for former, proven in (
        (FormerTokens.EXCHANGE, FormerSubject("anon-5", NOW)),
        (FormerTokens.ISSUE, FormerSubject("anon-5", NOW)),
        (FormerTokens.REFUSE, None),
    ):
        assert remembering(clock, former).former_subject(token, keys) == proven


def test_what_powersync_gets_is_a_memory_only_where_the_setting_says_so(
    ring: KeyRing, clock: Clock
) -> None:
    keys = ring.verification_keys()
    for former, subject in (
        (FormerTokens.EXCHANGE, None),
        (FormerTokens.ISSUE, FormerSubject("anon-5", NOW)),
        (FormerTokens.REFUSE, None),
    ):
        subjects = remembering(clock, former)
        token = powersync_token(ring.current, "anon-5", jti=subjects.token_id())
        assert subjects.former_subject(token, keys) == subject


def test_the_shared_subject_is_everybodys_and_so_nobodys_former_one(
    ring: KeyRing, clock: Clock
) -> None:
    shared = AnonymousSubjects("shared", 0, ISSUER, FormerTokens.EXCHANGE, clock)
    keys = ring.verification_keys()
    assert shared.subject_for(None, keys) == "anonymous"
    token = device_token(ring.current, "anon-5")
    assert shared.subject_for(token, keys) == "anonymous"
    assert shared.device_token(Signer.from_key(ring.current), "anonymous") is None
    assert shared.former_subject(powersync_token(ring.current, "anonymous"), keys) is None


def test_where_nothing_is_remembered_nothing_is_proven(ring: KeyRing, clock: Clock) -> None:
    subjects = remembering(clock, seconds=0)
    token = device_token(ring.current, "anon-5")
    assert subjects.former_subject(token, ring.verification_keys()) is None


def test_prepared_keys_follow_the_ring(
    subjects: AnonymousSubjects, clock: Callable[[], float]
) -> None:
    """Keys are parsed once, and a ring that goes on for years does not fill the memory."""
    for number in range(20):
        key = make_key()
        keys = {key.kid: (key.alg, public_members(key.private_jwk))}
        subject = f"anon-{number}"
        assert subjects.subject_for(device_token(key, subject), keys) == subject
    assert len(subjects._prepared) == 1


def test_a_container_with_the_ring_from_before_a_rotation_knows_the_new_keys_tokens(
    subjects: AnonymousSubjects, ring: KeyRing
) -> None:
    token = device_token(ring.next, "anon-5")
    assert subjects.subject_for(token, ring.verification_keys()) == "anon-5"
