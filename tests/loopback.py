"""Servers on 127.0.0.1 for what has to be asked over a real connection."""

import contextlib
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

from tests.patience import PATIENT


@dataclass(frozen=True)
class Request:
    """What was asked; the names of the headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Response:
    """What is answered; `Content-Length` is added."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Response]


@contextlib.contextmanager
def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Answer GET, POST and OPTIONS as `handler` says while the block lasts.

    Args:
        handler: Called for each request, for several at once if they come so.
        tls: Speak https, with the certificate of this context, which is for `localhost`.

    Yields:
        The URL of the server, without a path.
    """

    class HttpHandler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            response = handler(Request(self.command, self.path, headers, body))
            self.send_response(response.status)
            self.send_header("Content-Length", str(len(response.body)))
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response.body)

        do_POST = do_OPTIONS = do_GET  # noqa: N815 - its name

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Say nothing on stderr."""

    with _Server(("127.0.0.1", 0), HttpHandler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            origin = "https://localhost" if tls else "http://127.0.0.1"
            yield f"{origin}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def dripping(seconds: float = PATIENT) -> Iterator[str]:
    """Answer each connection with a byte now and again, and never wholly.

    Args:
        seconds: After so long a connection is closed; tests wait no longer for anything.

    Yields:
        The URL of the server, without a path.
    """
    done = threading.Event()

    class Drip(BaseRequestHandler):
        def handle(self) -> None:
            until = time.monotonic() + seconds
            with contextlib.suppress(OSError):  # The client has had enough.
                self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
                while not done.wait(0.1) and time.monotonic() < until:
                    self.request.sendall(b" ")

    with ThreadingTCPServer(("127.0.0.1", 0), Drip) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            done.set()
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    request_queue_size = 512  # a hundred clients may come at the same moment

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hangs up: it does not trust us, or has lost patience."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)
