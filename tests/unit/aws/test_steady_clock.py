"""The clock for ages, against the two that a container has."""

from dataclasses import dataclass

import pytest

from token_service.aws.steady_clock import SteadyClock
from token_service.keys import keyring
from token_service.keys.kept import NothingKeptError
from token_service.keys.key_generation import generate_signing_key
from token_service.keys.ring_cache import RingCache
from token_service.keys.ring_store import StoredRing


@dataclass
class _Container:
    monotonic: float = 50.0
    wall: float = 1_800_000_000.0

    def clock(self) -> SteadyClock:
        return SteadyClock(lambda: self.monotonic, lambda: self.wall)

    def let_pass(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += seconds


def test_it_counts_what_passes() -> None:
    container = _Container()
    clock = container.clock()
    assert clock() == 0
    container.let_pass(7)
    container.let_pass(3)
    assert clock() == 10


def test_a_wall_clock_that_is_set_back_makes_nothing_younger() -> None:
    container = _Container()
    clock = container.clock()
    container.let_pass(10)
    container.wall -= 300
    assert clock() == 10
    container.let_pass(10)
    assert clock() == 20


def test_time_in_which_the_container_was_frozen_counts() -> None:
    container = _Container()
    clock = container.clock()
    container.wall += 3600
    container.monotonic += 1
    assert clock() == 3600


def test_it_reads_the_clocks_of_the_machine() -> None:
    clock = SteadyClock()
    assert 0 <= clock() <= clock() < 60


@pytest.fixture
def container() -> _Container:
    return _Container()


@pytest.fixture
def reads() -> list[float]:
    return []


@pytest.fixture
def cache(container: _Container, reads: list[float]) -> RingCache:
    ring = keyring.bootstrap(lambda: generate_signing_key("ES256", 0))
    out_of_reach = keyring.KeyRingError("garbage")

    def read() -> StoredRing:
        reads.append(container.monotonic)
        if len(reads) > 1:
            raise out_of_reach
        return StoredRing("version", ring, 0.0)

    return RingCache(read, container.clock(), refresh_after=300, max_age=3600)


def test_a_clock_five_minutes_ahead_and_back_delays_no_new_ring(
    container: _Container, cache: RingCache, reads: list[float]
) -> None:
    container.wall += 300
    cache.get()
    container.wall -= 300
    container.let_pass(299.9)
    cache.get()
    assert len(reads) == 1
    container.let_pass(0.1)
    cache.get()
    assert len(reads) == 2


def test_a_clock_five_minutes_ahead_and_back_extends_no_outage(
    container: _Container, cache: RingCache
) -> None:
    container.wall += 300
    cache.get()
    container.wall -= 300
    container.let_pass(3599.9)
    cache.get()
    container.let_pass(0.1)
    with pytest.raises(NothingKeptError):
        cache.get()


def test_a_ring_from_before_a_long_freeze_signs_nothing(
    container: _Container, cache: RingCache
) -> None:
    cache.get()
    container.wall += 3600
    with pytest.raises(NothingKeptError):
        cache.get()
