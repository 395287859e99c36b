"""What a token function signs with, as time passes and Secrets Manager comes and goes."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from token_service.aws.aws_json import AwsUnreachableError
from token_service.keys import keyring
from token_service.keys.kept import NothingKeptError
from token_service.keys.key_generation import generate_signing_key
from token_service.keys.keyring import KeyRing, KeyRingError, RetiredKey
from token_service.keys.ring_cache import RingCache
from token_service.keys.ring_store import StoredRing
from token_service.keys.signer import ALGORITHMS


def _ring() -> KeyRing:
    return keyring.bootstrap(lambda: generate_signing_key("ES256", 0))


@dataclass
class _Secret:
    ring: KeyRing | None = field(default_factory=_ring)
    error: Exception | None = None
    reads: int = 0
    now: float = 1000.0

    def read(self) -> StoredRing | None:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return StoredRing("version", self.ring, 0.0) if self.ring else None

    def cache(self) -> RingCache:
        return RingCache(self.read, lambda: self.now, refresh_after=300, max_age=3600)


OUT_OF_REACH = AwsUnreachableError("secretsmanager", "GetSecretValue", "TimeoutError", "")


def test_the_ring_is_read_once_in_its_time() -> None:
    secret = _Secret()
    cache = secret.cache()
    for secret.now in (1000, 1001, 1299.9):
        cache.get()
    assert secret.reads == 1
    secret.now = 1300
    cache.get()
    assert secret.reads == 2


def test_a_new_ring_signs_after_the_refresh() -> None:
    secret = _Secret()
    cache = secret.cache()
    before = cache.get().signer.kid
    secret.ring = _ring()
    secret.now += 299
    assert cache.get().signer.kid == before
    secret.now += 1
    assert cache.get().signer.kid == secret.ring.current.kid


@pytest.mark.parametrize("error", [OUT_OF_REACH, KeyRingError("garbage")])
def test_the_ring_at_hand_signs_on_during_an_outage_until_it_is_too_old(error: Exception) -> None:
    secret = _Secret()
    cache = secret.cache()
    cache.get()
    secret.error = error
    secret.now += 3599.9
    cache.get()
    secret.now += 0.1
    with pytest.raises(NothingKeptError):
        cache.get()


def test_an_outage_is_not_asked_about_at_every_request() -> None:
    secret = _Secret()
    cache = secret.cache()
    cache.get()
    secret.error, secret.now = OUT_OF_REACH, 1300
    for _ in range(5):
        cache.get()
    assert secret.reads == 2
    secret.now += 10
    cache.get()
    assert secret.reads == 3


def test_a_cold_function_does_not_ask_at_every_request_either() -> None:
    secret = _Secret(error=OUT_OF_REACH)
    cache = secret.cache()
    for _ in range(20):
        with pytest.raises(NothingKeptError):
            cache.get()
    assert secret.reads == 1


def test_the_pause_between_attempts_grows_from_1_to_10_seconds() -> None:
    """A client is told it, too: `retry_after`."""
    secret = _Secret(error=OUT_OF_REACH)
    cache = secret.cache()
    pauses = []
    for _ in range(6):
        with pytest.raises(NothingKeptError) as nothing:
            cache.get()
        pauses.append(nothing.value.retry_after)
        secret.now += pauses[-1]
    assert pauses == [1, 2, 4, 8, 10, 10]
    assert secret.reads == 6
    secret.error = None
    cache.get()
    secret.error, secret.now = OUT_OF_REACH, secret.now + 3600
    with pytest.raises(NothingKeptError) as nothing:
        cache.get()
    assert nothing.value.retry_after == 1, "after a success the pauses begin anew"


def test_signing_goes_on_as_soon_as_the_outage_is_over() -> None:
    secret = _Secret()
    cache = secret.cache()
    cache.get()
    secret.error = OUT_OF_REACH
    secret.now += 7200
    with pytest.raises(NothingKeptError):
        cache.get()
    secret.error = None
    secret.now += 10
    cache.get()


def test_without_any_ring_there_is_nothing_to_sign_with() -> None:
    with pytest.raises(NothingKeptError):
        _Secret(ring=None).cache().get()


def _edited(members: dict[str, Any]) -> KeyRing:
    """A ring whose current key was edited by hand; `private_jwk` is merged, None removes."""
    ring = _ring()
    edits = dict(members)
    merged = {**ring.current.private_jwk, **edits.pop("private_jwk", {})}
    merged = {name: value for name, value in merged.items() if value is not None}
    edited: Any = replace(ring.current, private_jwk=merged, **edits)
    return replace(ring, keys=(edited, ring.next))


def _private_jwk(alg: str) -> dict[str, str]:
    return dict(generate_signing_key(alg, 0).private_jwk)


def _small_rsa() -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    return dict(RSAAlgorithm.to_jwk(key, as_dict=True))


UNUSABLE: dict[str, dict[str, Any]] = {
    "an alg that PowerSync does not take": {"alg": "PS256"},
    "alg none": {"alg": "none"},
    "a symmetric alg": {"alg": "HS256"},
    "an alg that PyJWT knows for another curve": {"alg": "ES256K"},
    "another alg of the kind": {"alg": "ES384"},
    "alg of another kind": {"alg": "EdDSA"},
    "alg is RSA's": {"alg": "RS256"},
    "alg is no text": {"alg": 5},
    "alg is a list": {"alg": []},
    "kid is no text": {"kid": 5},
    "no d": {"private_jwk": {"d": None}},
    "d is empty": {"private_jwk": {"d": ""}},
    "d is garbage": {"private_jwk": {"d": "?"}},
    "d is no text": {"private_jwk": {"d": 5}},
    "d is zero": {"private_jwk": {"d": "A" * 43}},
    "d is another key's": {"private_jwk": {"d": _private_jwk("ES256")["d"]}},
    "d is too long": {"private_jwk": {"d": "_" * 86}},
    "x is another key's": {"private_jwk": {"x": _private_jwk("ES256")["x"]}},
    "no x": {"private_jwk": {"x": None}},
    "no y": {"private_jwk": {"y": None}},
    "y is no text": {"private_jwk": {"y": {}}},
    "no kty": {"private_jwk": {"kty": None}},
    "kty of another kind": {"private_jwk": {"kty": "OKP"}},
    "kty is no text": {"private_jwk": {"kty": []}},
    "no crv": {"private_jwk": {"crv": None}},
    "crv of another curve": {"private_jwk": {"crv": "P-384"}},
    "a key of another curve": {"private_jwk": _private_jwk("ES384")},
    "a symmetric key": {"alg": "HS256", "private_jwk": {"kty": "oct", "k": "AAAA"}},
    "an RSA key that is too small": {"alg": "RS256", "private_jwk": _small_rsa()},
}


@pytest.mark.parametrize("edit", UNUSABLE)
def test_a_ring_whose_current_key_is_unusable_is_an_unreadable_one(
    edit: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A warm function signs on with the ring at hand; a cold one has none. Neither asks at once."""
    ring = _edited(UNUSABLE[edit])
    warm = _Secret()
    cache = warm.cache()
    kid = cache.get().signer.kid
    warm.ring, warm.now = ring, warm.now + 300
    assert [cache.get().signer.kid for _ in range(5)] == [kid] * 5
    assert warm.reads == 2
    cold = _Secret(ring)
    cache = cold.cache()
    for _ in range(5):
        with pytest.raises(NothingKeptError):
            cache.get()
    assert cold.reads == 1
    assert "the current key" in caplog.text
    for secret in (key.private_jwk.get("d") for key in ring.keys):
        assert not secret or len(str(secret)) < 10 or str(secret) not in caplog.text


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_ring_of_every_algorithm_is_usable(alg: str) -> None:
    ring = keyring.bootstrap(lambda: generate_signing_key(alg, 0))
    assert _Secret(ring).cache().get().signer.kid == ring.current.kid


def test_another_key_of_the_ring_that_is_unusable_keeps_nobody_from_a_token() -> None:
    ring = _ring()
    broken: Any = replace(ring.next, private_jwk={"kty": "EC"})
    nobody: Any = RetiredKey("retired", "ES256", None, 0)  # type: ignore[arg-type]
    cache = _Secret(replace(ring, keys=(ring.current, broken), retired=(nobody,))).cache()
    assert set(cache.get().verification_keys) == {ring.current.kid}


def test_what_nobody_foresaw_is_not_asked_for_at_every_request_either() -> None:
    secret = _Secret()
    cache = secret.cache()
    kid = cache.get().signer.kid
    secret.error, secret.now = ZeroDivisionError(), secret.now + 300
    with pytest.raises(ZeroDivisionError):
        cache.get()
    assert [cache.get().signer.kid for _ in range(5)] == [kid] * 5
    assert secret.reads == 2


def test_the_age_of_a_ring_counts_from_before_it_was_read() -> None:
    """What a slow answer says may have changed meanwhile."""
    secret = _Secret()

    def slowly() -> StoredRing | None:
        secret.now += 100
        return secret.read()

    cache = RingCache(slowly, lambda: secret.now, refresh_after=300, max_age=3600)
    cache.get()
    secret.now += 199
    cache.get()
    assert secret.reads == 1
    secret.now += 1
    cache.get()
    assert secret.reads == 2
