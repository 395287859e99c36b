"""One HTTP exchange within bounds that the other side cannot stretch.

It has a deadline for all of it, however its bytes are spread over that time, and a size. It follows
no redirect. The bytes are read here and understood by httptools, the parser of Node.js.
"""

import socket
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from token_service.aws import tls

_LARGEST_HEAD = 65_536
"""Bytes that may come before the body."""

_AT_ONCE = 65_536
"""Bytes read at a time, at most."""


class NoAnswerError(Exception):
    """No complete answer came within the bounds; says which kind of error it was."""


class OversizedError(NoAnswerError):
    """An answer did come, with more bytes than are read."""


class Answer(NamedTuple):
    """What the other side answered; the names of the headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def exchange(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    *,
    deadline: float,
    largest: int,
    connect_to: str | None = None,
) -> Answer:
    """Send one request over a connection of its own, and read the answer.

    Args:
        method: `GET` or `POST`.
        url: Absolute, http or https, without user and fragment.
        headers: All but `Host` and `Content-Length`.
        body: What is sent, if anything.
        deadline: When it has to be over, by `time.monotonic`. Only the resolver's own time for a
            name cannot be cut short.
        largest: Bytes that the answer's body may have.
        connect_to: The host, and port, that answers for the URL's, if DNS does not lead to it; its
            certificate is for the URL's.

    Raises:
        NoAnswerError: No complete answer came in time.
        OversizedError: One came that is larger.
    """
    parts = urlsplit(url)
    try:
        request = _request(method, parts, headers, body)
        with _connect(parts, connect_to or parts.netloc, deadline) as sock:
            sock.sendall(request)
            return _read(sock, deadline, largest)
    except (OSError, EOFError, HttpParserError, HttpParserUpgrade, UnicodeError) as error:
        # UnicodeError: a name that cannot be one, such as with a label of 64 characters.
        raise NoAnswerError(type(error).__name__) from error


def _request(
    method: str, parts: SplitResult, headers: Mapping[str, str], body: bytes | None
) -> bytes:
    """The request's bytes (RFC 9112 §3, §5); raises `NoAnswerError` for what could be another."""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = {"Host": parts.netloc, "Accept-Encoding": "identity", **headers}
    if body is not None:
        fields["Content-Length"] = str(len(body))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {text}" for name, text in fields.items())]
    if " " in target or not target.isascii() or not all(line.isprintable() for line in lines):
        raise NoAnswerError("a request with characters that it cannot have")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def _connect(parts: SplitResult, authority: str, deadline: float) -> socket.socket:
    """A connection to the first address that takes it; each gets its share of the time left."""
    at = urlsplit(f"//{authority}")
    port = at.port or (443 if parts.scheme == "https" else 80)
    # As bytes: for text Python loads what it knows of international names, and ours have none.
    host, name = ((known.hostname or "").encode("ascii") for known in (at, parts))
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: OSError = OSError("no address")
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(_time_left(deadline) / (len(addresses) - tried))
            sock.connect(address)
            sock.settimeout(_time_left(deadline))  # For the whole TLS handshake, too.
            if parts.scheme == "https":
                return tls.client_context().wrap_socket(sock, server_hostname=name)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


def _time_left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _read(sock: socket.socket, deadline: float, largest: int) -> Answer:
    """The answer; a socket's own timeout would begin anew with each byte, so it is set anew, too.

    Raises `OSError`, `EOFError`, `HttpParserError` and `OversizedError`.
    """
    reading = _Reading(largest)
    parser = reading.parser = HttpResponseParser(reading)
    while reading.answer is None:
        sock.settimeout(_time_left(deadline))
        received = sock.recv(_AT_ONCE)
        if not received:
            return reading.ended()
        try:
            parser.feed_data(received)
        except HttpParserError:
            # What stands behind an answer is nobody's.
            if reading.answer is None:
                raise
        reading.check_size(len(received))
    return reading.answer


class _Reading:
    """An answer as far as it has come: httptools calls the methods that begin with `on_`."""

    def __init__(self, largest: int) -> None:
        self.parser: HttpResponseParser
        self.answer: Answer | None = None
        self._largest = largest
        self._begin()

    def _begin(self) -> None:
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._head = 0
        self._is_body = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._is_body = True

    def on_body(self, part: bytes) -> None:
        self._body += part

    def on_message_complete(self) -> None:
        status = self.parser.get_status_code()
        # After an interim response (RFC 9110 §15.2) the answer is still to come.
        if status >= 200 and self.answer is None:
            self.answer = Answer(status, self._headers, bytes(self._body))
        self._begin()

    def check_size(self, received: int) -> None:
        """Raise `OversizedError` if the answer is too large with so many bytes more."""
        body = self._body if self.answer is None else self.answer.body
        if self.answer is None and not self._is_body:
            self._head += received
        if len(body) > self._largest or self._head > _LARGEST_HEAD:
            raise OversizedError(f"an answer of more than {self._largest} bytes")

    def ended(self) -> Answer:
        """The answer where its end is that of the connection (RFC 9112 §6.3, rule 8).

        Raises `EOFError` for one that is cut short.
        """
        if not self._is_body or {"content-length", "transfer-encoding"} & self._headers.keys():
            raise EOFError
        return Answer(self.parser.get_status_code(), self._headers, bytes(self._body))
