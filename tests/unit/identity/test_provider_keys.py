"""Fetching a provider's keys: when, how often, and what is believed."""

import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.identity.clock import MovableClock
from tests.identity.key_server import KeyServer, public_jwk
from tests.patience import PATIENT
from token_service.identity.provider_http import (
    IdentityProviderUnavailableError,
    send_request,
)
from token_service.identity.provider_keys import ProviderKeys
from token_service.identity.urls import check_url

KEY = public_jwk(ec.generate_private_key(ec.SECP256R1()), kid="k", alg="ES256")
OTHER = public_jwk(ec.generate_private_key(ec.SECP256R1()), kid="other", alg="ES256")


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with KeyServer(keys=[KEY]) as server:
        yield server


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


def provider_keys(uri: Callable[[], str], clock: MovableClock) -> ProviderKeys:
    return ProviderKeys(
        "acme",
        uri,
        issuer="https://login.example.com",
        algorithms=None,
        on_failure=lambda: None,
        clock=clock,
    )


@pytest.fixture
def keys(server: KeyServer, clock: MovableClock) -> ProviderKeys:
    return provider_keys(lambda: server.uri, clock)


def in_parallel(count: int, work: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_keys_are_fetched_once_in_ten_minutes(
    keys: ProviderKeys, server: KeyServer, clock: MovableClock
) -> None:
    for _ in range(10):
        assert keys.find("k") is not None
    assert len(server.requests) == 1
    clock.ahead += 601
    assert keys.find("k") is not None
    assert len(server.requests) == 2


def test_we_say_who_is_asking(server: KeyServer) -> None:
    """Firewalls in front of providers answer 403 to a request without `User-Agent`."""
    send_request(server.uri)
    send_request(server.uri, method="POST", headers={"X-More": "1"}, body=b"{}")
    assert [asked.headers["user-agent"] for asked in server.requests] == ["powersync-auth"] * 2


def test_a_withdrawn_key_is_gone_with_the_next_fetch(
    keys: ProviderKeys, server: KeyServer, clock: MovableClock
) -> None:
    assert keys.find("k") is not None
    server.keys = [OTHER]
    assert keys.find("other") is not None
    assert keys.find("k") is None


def test_many_requests_at_once_share_one_fetch(keys: ProviderKeys, server: KeyServer) -> None:
    found: list[object] = []
    in_parallel(20, lambda: found.append(keys.find("k")))
    assert len(found) == 20
    assert None not in found
    assert len(server.requests) == 1


def test_a_known_key_does_not_wait_for_somebody_elses_fetch(
    server: KeyServer, clock: MovableClock
) -> None:
    asked, go_on = threading.Event(), threading.Event()
    slow = False

    def uri() -> str:
        if slow:
            asked.set()
            assert go_on.wait(PATIENT)
        return server.uri

    keys = provider_keys(uri, clock)
    assert keys.find("k") is not None
    clock.ahead += 601
    slow = True
    fetching = threading.Thread(target=keys.find, args=("k",))
    fetching.start()
    assert asked.wait(PATIENT)
    begin = time.monotonic()
    assert keys.find("k") is not None
    assert time.monotonic() - begin < 0.5
    go_on.set()
    fetching.join()


def test_an_unannounced_key_is_found_at_once_and_the_next_after_30_seconds(
    keys: ProviderKeys, server: KeyServer, clock: MovableClock
) -> None:
    assert keys.find("k") is not None
    server.keys = [KEY, OTHER]
    assert keys.find("other") is not None
    assert keys.find("unknown") is None
    server.keys = [KEY, OTHER, {**OTHER, "kid": "third"}]
    assert keys.find("third") is None
    clock.ahead += 30
    assert keys.find("third") is not None


def test_an_unknown_kid_during_an_outage_is_not_called_unknown(
    keys: ProviderKeys, server: KeyServer, clock: MovableClock
) -> None:
    assert keys.find("k") is not None
    server.status = 500
    with pytest.raises(IdentityProviderUnavailableError) as outage:
        keys.find("unknown")
    assert outage.value.retry_after == 30  # when the provider is asked for one again
    assert keys.find("k") is not None
    for _ in range(100):
        with pytest.raises(IdentityProviderUnavailableError):
            keys.find("unknown")
    assert len(server.requests) == 2
    server.status = 200
    clock.ahead += 30
    assert keys.find("unknown") is None


def test_an_outage_costs_one_fetch_in_ten_seconds(
    keys: ProviderKeys, server: KeyServer, clock: MovableClock
) -> None:
    server.status = 500
    for fetches in (1, 2, 3):
        for _ in range(100):
            with pytest.raises(IdentityProviderUnavailableError):
                keys.find("k")
        assert len(server.requests) == fetches
        clock.ahead += 10


def test_keys_outlive_an_outage_for_a_day_and_no_longer(
    keys: ProviderKeys, server: KeyServer, clock: MovableClock
) -> None:
    assert keys.find("k") is not None
    server.status = 500
    clock.ahead += 86_000
    assert keys.find("k") is not None
    clock.ahead += 400
    with pytest.raises(IdentityProviderUnavailableError):
        keys.find("k")
    server.status = 200
    clock.ahead += 11
    assert keys.find("k") is not None


@pytest.mark.parametrize(
    ("left_out", "logged"),
    [
        ({**OTHER, "crv": "P-999"}, "acme: the key 'other' is left out: its algorithm is not"),
        ({**OTHER, "x": "AA"}, "acme: the key 'other' is left out: not a valid key"),
        ({**OTHER, "key_ops": ["sign"]}, "acme: the key 'other' is left out: key_ops lacks verify"),
        ({**OTHER, "kid": "k"}, "acme: different keys share the kid 'k'; none of them is used"),
        ({**OTHER, "kid": 5}, "acme: the key 5 is left out: its kid is not a string"),
        ({**OTHER, "issuer": "https://x"}, "acme: the key 'other' is left out: it is for another"),
        ({**OTHER, "kid": "a\r\nb\x1b\u202e", "use": "x"}, r"acme: the key 'a\r\nb\x1b\u202e' is"),
        ({**OTHER, "kid": "x" * 10_000, "use": "x"}, f"acme: the key '{'x' * 79} is left out: use"),
    ],
)
def test_a_key_that_is_left_out_is_logged_once_a_fetch(
    *,
    left_out: dict[str, object],
    logged: str,
    keys: ProviderKeys,
    server: KeyServer,
    clock: MovableClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.keys = [KEY, left_out, {**OTHER, "kid": "third"}]
    for fetches in (1, 2):
        for _ in range(10):
            assert keys.find("third") is not None
        warnings = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
        assert len(warnings) == fetches
        assert warnings[-1].startswith(logged)
        clock.ahead += 601


def test_a_key_for_encryption_is_nothing_to_warn_of(
    keys: ProviderKeys, server: KeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.keys = [KEY, {**OTHER, "use": "enc"}]
    with caplog.at_level(logging.INFO):
        assert keys.find("k") is not None
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert record.getMessage() == "acme: the key 'other' is left out: use is not sig"


EC_KEYS = {kid: ec.generate_private_key(ec.SECP256R1()) for kid in ("former", "latter")}


def anonymous_jwk(name: str) -> dict[str, object]:
    """A key that the set tells apart by nothing."""
    return public_jwk(EC_KEYS[name], alg="ES256")


def test_the_only_key_for_an_algorithm_is_found_without_a_kid(
    keys: ProviderKeys, server: KeyServer, clock: MovableClock
) -> None:
    rs256 = public_jwk(rsa.generate_private_key(65537, 2048), kid="rs256")
    server.keys = [anonymous_jwk("former"), rs256]
    assert keys.find_only("ES256") is not None
    assert keys.find_only("RS256") is not None
    assert keys.find_only("RS384") is None
    server.keys = [KEY, anonymous_jwk("former"), rs256]
    clock.ahead += 601
    assert keys.find_only("ES256") is None
    assert keys.find("k") is not None


def test_without_a_kid_a_new_key_is_found_at_once_and_the_next_after_30_seconds(
    keys: ProviderKeys, server: KeyServer, clock: MovableClock
) -> None:
    server.keys = [anonymous_jwk("former")]
    former = keys.find_only("ES256")
    assert former is not None
    assert keys.find_only("ES256", instead_of=former) is None
    assert len(server.requests) == 2
    server.keys = [anonymous_jwk("latter")]
    assert keys.find_only("ES256", instead_of=former) is None  # Whoever it was that asked.
    assert len(server.requests) == 2
    clock.ahead += 30
    latter = keys.find_only("ES256", instead_of=former)
    assert latter not in (None, former)
    assert keys.find_only("ES256") == latter
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "example.com",
        "//example.com",
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://[::2]",
        "http://user@127.0.0.1",
        "https://user:password@example.com",
        "https://example.com/#x",
        "https://example.com/a b",
        "https://example.com/\r\nX: y",
        "https://example.com:0",
        "https://example.com:99999",
        "https://ex\u00e4mple.com",
        "ftp://example.com",
        "HTTPS//example.com",
    ],
)
def test_a_url_that_is_not_plainly_https_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        check_url(url, allow_nearby_http=True)


def test_http_on_loopback_is_for_the_local_stack_only() -> None:
    for url in ("http://127.0.0.1:8080/x", "http://localhost/", "http://[::1]:80"):
        assert check_url(url, allow_nearby_http=True) == url
        with pytest.raises(ValueError, match="should be an https"):
            check_url(url, allow_nearby_http=False)


def test_a_name_that_does_not_resolve_and_a_closed_port_are_outages() -> None:
    closed = "http://127.0.0.1:1/keys"
    for url in (closed, "https://does-not-exist.invalid/keys", f"https://{'a' * 64}.example.com"):
        with pytest.raises(IdentityProviderUnavailableError, match="did not answer"):
            send_request(url)
