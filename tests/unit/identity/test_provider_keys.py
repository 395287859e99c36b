"""Fetching a provider's keys: when, how often, and what is believed."""

import threading
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.identity.clock import MovableClock
from tests.identity.key_server import KeyServer, public_jwk
from tests.patience import PATIENT
from tests.unit.identity.acme import KEY, OTHER, provider_keys
from token_service.identity.provider_http import IdentityProviderUnavailableError
from token_service.identity.provider_keys import (
    FRESH_FOR,
    KEPT_FOR,
    UNKNOWN_KID_INTERVAL,
    ProviderKeys,
)


def in_parallel(count: int, work: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_keys_are_fetched_once_in_ten_minutes(
    keys: ProviderKeys, acme: KeyServer, clock: MovableClock
) -> None:
    for _ in range(10):
        assert keys.find("k") is not None
    assert len(acme.requests) == 1
    clock.ahead += 601
    assert keys.find("k") is not None
    assert len(acme.requests) == 2


def test_a_withdrawn_key_is_gone_with_the_next_fetch(
    keys: ProviderKeys, acme: KeyServer, clock: MovableClock
) -> None:
    assert keys.find("k") is not None
    acme.keys = [OTHER]
    assert keys.find("other") is not None
    assert keys.find("k") is None


def test_many_requests_at_once_share_one_fetch(keys: ProviderKeys, acme: KeyServer) -> None:
    found: list[object] = []
    in_parallel(20, lambda: found.append(keys.find("k")))
    assert len(found) == 20
    assert None not in found
    assert len(acme.requests) == 1


def test_a_known_key_does_not_wait_for_somebody_elses_fetch(
    acme: KeyServer, clock: MovableClock
) -> None:
    asked, go_on = threading.Event(), threading.Event()
    slow = False

    def uri() -> str:
        if slow:
            asked.set()
            assert go_on.wait(PATIENT)
        return acme.uri

    keys = provider_keys(uri, clock)
    assert keys.find("k") is not None
    clock.ahead += 601
    slow = True
    fetching = threading.Thread(target=keys.find, args=("k",))
    fetching.start()
    assert asked.wait(PATIENT)
    assert keys.find("k") is not None
    assert fetching.is_alive()
    go_on.set()
    fetching.join()


def test_an_unannounced_key_is_found_at_once_and_the_next_after_30_seconds(
    keys: ProviderKeys, acme: KeyServer, clock: MovableClock
) -> None:
    assert keys.find("k") is not None
    acme.keys = [KEY, OTHER]
    assert keys.find("other") is not None
    assert keys.find("unknown") is None
    acme.keys = [KEY, OTHER, {**OTHER, "kid": "third"}]
    assert keys.find("third") is None
    clock.ahead += 30
    assert keys.find("third") is not None


def test_an_unknown_kid_during_an_outage_is_not_called_unknown(
    keys: ProviderKeys, acme: KeyServer, clock: MovableClock
) -> None:
    assert keys.find("k") is not None
    acme.status = 500
    with pytest.raises(IdentityProviderUnavailableError) as outage:
        keys.find("unknown")
    assert outage.value.retry_after == 30  # when the provider is asked for one again
    assert keys.find("k") is not None
    for _ in range(100):
        with pytest.raises(IdentityProviderUnavailableError):
            keys.find("unknown")
    assert len(acme.requests) == 2
    acme.status = 200
    clock.ahead += 30
    assert keys.find("unknown") is None


def test_an_outage_costs_one_fetch_in_ten_seconds(
    keys: ProviderKeys, acme: KeyServer, clock: MovableClock
) -> None:
    acme.status = 500
    for fetches in (1, 2, 3):
        for _ in range(100):
            with pytest.raises(IdentityProviderUnavailableError):
                keys.find("k")
        assert len(acme.requests) == fetches
        clock.ahead += 10


def test_keys_outlive_an_outage_for_a_day_and_no_longer(
    keys: ProviderKeys, acme: KeyServer, clock: MovableClock
) -> None:
    assert keys.find("k") is not None
    acme.status = 500
    clock.ahead += 86_000
    assert keys.find("k") is not None
    clock.ahead += 400
    with pytest.raises(IdentityProviderUnavailableError):
        keys.find("k")
    acme.status = 200
    clock.ahead += 11
    assert keys.find("k") is not None


EC_KEYS = {kid: ec.generate_private_key(ec.SECP256R1()) for kid in ("former", "latter")}


def anonymous_jwk(name: str) -> dict[str, object]:
    """A key that the set tells apart by nothing."""
    return public_jwk(EC_KEYS[name], alg="ES256")


def test_the_only_key_for_an_algorithm_is_found_without_a_kid(
    keys: ProviderKeys, acme: KeyServer, clock: MovableClock
) -> None:
    rs256 = public_jwk(rsa.generate_private_key(65537, 2048), kid="rs256")
    acme.keys = [anonymous_jwk("former"), rs256]
    assert keys.find_only("ES256") is not None
    assert keys.find_only("RS256") is not None
    assert keys.find_only("RS384") is None
    acme.keys = [KEY, anonymous_jwk("former"), rs256]
    clock.ahead += 601
    assert keys.find_only("ES256") is None
    assert keys.find("k") is not None


def test_without_a_kid_a_new_key_is_found_at_once_and_the_next_after_30_seconds(
    keys: ProviderKeys, acme: KeyServer, clock: MovableClock
) -> None:
    acme.keys = [anonymous_jwk("former")]
    former = keys.find_only("ES256")
    assert former is not None
    assert keys.find_only("ES256", instead_of=former) is None
    assert len(acme.requests) == 2
    acme.keys = [anonymous_jwk("latter")]
    assert keys.find_only("ES256", instead_of=former) is None  # Whoever it was that asked.
    assert len(acme.requests) == 2
    clock.ahead += 30
    latter = keys.find_only("ES256", instead_of=former)
    assert latter not in (None, former)
    assert keys.find_only("ES256") == latter
    assert len(acme.requests) == 3


class StoppedClock:
    """Tells exactly the time that it is given."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_keys_are_due_at_the_very_second(acme: KeyServer) -> None:
    clock = StoppedClock()
    keys = provider_keys(lambda: acme.uri, clock)
    assert keys.find("k") is not None
    clock.now += FRESH_FOR - 0.001
    assert keys.find("k") is not None
    assert len(acme.requests) == 1
    clock.now += 0.001
    assert keys.find("k") is not None
    assert len(acme.requests) == 2


def test_keys_that_nobody_confirms_end_at_the_very_second(acme: KeyServer) -> None:
    clock = StoppedClock()
    keys = provider_keys(lambda: acme.uri, clock)
    assert keys.find("k") is not None
    acme.status = 500
    clock.now += KEPT_FOR - 0.001
    assert keys.find("k") is not None
    clock.now += 0.001
    with pytest.raises(IdentityProviderUnavailableError):
        keys.find("k")


def test_an_unknown_key_is_asked_about_again_at_the_very_second(acme: KeyServer) -> None:
    clock = StoppedClock()
    keys = provider_keys(lambda: acme.uri, clock)
    assert keys.find("unknown") is None
    clock.now += UNKNOWN_KID_INTERVAL - 0.001
    assert keys.find("unknown") is None
    assert len(acme.requests) == 1
    clock.now += 0.001
    assert keys.find("unknown") is None
    assert len(acme.requests) == 2
