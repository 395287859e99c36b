"""Asking an identity provider over https: whom it believes, and how long it waits."""

import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from token_service import provider_http
from token_service.provider_http import IdentityProviderUnavailableError, send_request


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for `localhost`, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(pem + built.public_bytes(serialization.Encoding.PEM))
    return path


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"path": "' + self.path.encode() + b'"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        pass


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up because it does not trust us is what these tests are about."""


@pytest.fixture(scope="module")
def port(certificate: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = QuietServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.create_default_context(cafile=certificate)
    monkeypatch.setattr(provider_http, "_tls_context", lambda: context)


@pytest.mark.usefixtures("trusted")
def test_a_provider_with_a_trusted_certificate_is_asked(port: int) -> None:
    response = send_request(f"https://localhost:{port}/keys?v=1")
    assert (response.status, response.body) == (200, b'{"path": "/keys?v=1"}')


def test_a_certificate_that_nobody_vouches_for_is_refused(port: int) -> None:
    with pytest.raises(IdentityProviderUnavailableError, match="SSLCertVerificationError"):
        send_request(f"https://localhost:{port}/")


@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_another_name_is_refused(port: int) -> None:
    with pytest.raises(IdentityProviderUnavailableError, match="SSLCertVerificationError"):
        send_request(f"https://127.0.0.1:{port}/")


@pytest.fixture
def silent() -> Iterator[int]:
    """Takes connections, and then says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_silent_server_costs_two_seconds_and_no_more(scheme: str, silent: int) -> None:
    begin = time.monotonic()
    with pytest.raises(IdentityProviderUnavailableError, match="TimeoutError"):
        send_request(f"{scheme}://127.0.0.1:{silent}/")
    assert 1.9 < time.monotonic() - begin < 2.4


def test_a_handshake_that_drips_costs_two_seconds_and_no_more() -> None:
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
                while not done.wait(0.2):
                    try:
                        connection.sendall(b"\x02")
                    except OSError:
                        return

    ports: list[int] = []
    ready = threading.Event()
    server = threading.Thread(target=drip)
    server.start()
    assert ready.wait(5)
    begin = time.monotonic()
    with pytest.raises(IdentityProviderUnavailableError, match="did not answer"):
        send_request(f"https://127.0.0.1:{ports[0]}/")
    assert time.monotonic() - begin < 2.4
    done.set()
    server.join()
