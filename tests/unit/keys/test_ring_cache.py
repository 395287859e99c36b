"""What a token function signs with, as time passes and Secrets Manager comes and goes."""

from dataclasses import dataclass, field

import pytest

from token_service.aws.aws_json import AwsUnreachableError
from token_service.keys import keyring
from token_service.keys.key_generation import generate_signing_key
from token_service.keys.keyring import KeyRing, KeyRingError
from token_service.keys.ring_cache import KeyRingUnavailableError, RingCache
from token_service.keys.stores import StoredRing


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
    with pytest.raises(KeyRingUnavailableError):
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


def test_signing_goes_on_as_soon_as_the_outage_is_over() -> None:
    secret = _Secret()
    cache = secret.cache()
    cache.get()
    secret.error = OUT_OF_REACH
    secret.now += 7200
    with pytest.raises(KeyRingUnavailableError):
        cache.get()
    secret.error = None
    secret.now += 10
    cache.get()


def test_without_any_ring_there_is_nothing_to_sign_with() -> None:
    with pytest.raises(KeyRingUnavailableError):
        _Secret(ring=None).cache().get()
