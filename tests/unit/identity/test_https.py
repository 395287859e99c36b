"""Asking an identity provider over https: whom it believes, and how long it waits."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.patience import PATIENT, SOON
from token_service.identity import provider_http
from token_service.identity.provider_http import IdentityProviderUnavailableError, send_request


@pytest.mark.usefixtures("trusted")
def test_a_provider_with_a_trusted_certificate_is_asked(https_server: str) -> None:
    response = send_request(f"{https_server}/keys?v=1")
    assert (response.status, response.body) == (200, b'{"path": "/keys?v=1"}')


def test_a_certificate_that_nobody_vouches_for_is_refused(https_server: str) -> None:
    with pytest.raises(IdentityProviderUnavailableError, match="SSLCertVerificationError"):
        send_request(https_server)


@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_another_name_is_refused(https_server: str) -> None:
    with pytest.raises(IdentityProviderUnavailableError, match="SSLCertVerificationError"):
        send_request(https_server.replace("localhost", "127.0.0.1"))


LIMIT = 0.5
"""Seconds that a provider has here; it hangs for minutes."""


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch, patient: None) -> None:
    monkeypatch.setattr(provider_http, "TIME_LIMIT", LIMIT)


@pytest.fixture
def silent() -> Iterator[int]:
    """Takes connections, and then says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_silent_server_costs_the_time_limit_and_no_more(scheme: str, silent: int) -> None:
    begin = time.monotonic()
    with pytest.raises(IdentityProviderUnavailableError, match="TimeoutError"):
        send_request(f"{scheme}://127.0.0.1:{silent}/")
    assert 0.9 * LIMIT < time.monotonic() - begin < SOON


@pytest.mark.usefixtures("hurry")
def test_a_handshake_that_drips_costs_the_time_limit_and_no_more() -> None:
    """One byte of a TLS record at a time: each would start a timeout of its own again."""
    done = threading.Event()

    def drip() -> None:
        # The header of a handshake record that announces 16 KB, and then a byte now and again.
        with socket.create_server(("127.0.0.1", 0)) as listening:
            ports.append(listening.getsockname()[1])
            ready.set()
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"\x16\x03\x03\x40\x00")
                hangs_up_at = time.monotonic() + PATIENT
                while not done.wait(0.2) and time.monotonic() < hangs_up_at:
                    try:
                        connection.sendall(b"\x02")
                    except OSError:
                        return

    ports: list[int] = []
    ready = threading.Event()
    server = threading.Thread(target=drip)
    server.start()
    assert ready.wait(PATIENT)
    with pytest.raises(IdentityProviderUnavailableError, match="TimeoutError"):
        send_request(f"https://127.0.0.1:{ports[0]}/")
    done.set()
    server.join()
