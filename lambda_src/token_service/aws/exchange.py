"""One HTTP exchange within bounds that the other side cannot stretch.

It has a deadline for all of it, however its bytes are spread over that time, and a size. It follows
no redirect.
"""

import contextlib
import http.client
import io
import socket
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from token_service.aws import tls


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
) -> Answer:
    """Send one request over a connection of its own, and read the answer.

    Args:
        method: Of HTTP.
        url: Absolute, http or https, without user and fragment.
        headers: All but `Host` and `Content-Length`.
        body: What is sent, if anything.
        deadline: When it has to be over, by `time.monotonic`. Only the resolver's own time for a
            name cannot be cut short.
        largest: Bytes that the answer's body may have.

    Raises:
        NoAnswerError: No complete answer came in time.
        OversizedError: One came that is larger.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc)
    try:
        connection.sock = _connect(parts, deadline)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, {"Host": parts.netloc, **headers})
        response = http.client.HTTPResponse(connection.sock, method=method)
        response.fp = io.BufferedReader(_DeadlineReader(response.fp, connection.sock, deadline))
        with contextlib.closing(response):
            response.begin()
            content = response.read(largest + 1)
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        # UnicodeError: a name that cannot be one, such as with a label of 64 characters.
        raise NoAnswerError(type(error).__name__) from error
    finally:
        connection.close()
    if len(content) > largest:
        raise OversizedError(f"an answer of more than {largest} bytes")
    received = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, received, content)


def _connect(parts: SplitResult, deadline: float) -> socket.socket:
    """A connection to the first address that takes it; each gets its share of the time left."""
    # As bytes: for text Python loads what it knows of international names, and ours have none.
    host = (parts.hostname or "").encode("ascii")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: OSError = OSError("no address")
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(_time_left(deadline) / (len(addresses) - tried))
            sock.connect(address)
            sock.settimeout(_time_left(deadline))  # For the whole TLS handshake, too.
            if parts.scheme == "https":
                return tls.client_context().wrap_socket(sock, server_hostname=host)
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


class _DeadlineReader(io.RawIOBase):
    """Reads from a socket until a deadline for the whole answer.

    A socket's own timeout begins anew with each byte, so a peer that drips could hold us forever.
    """

    def __init__(self, source: io.BufferedReader, sock: socket.socket, deadline: float) -> None:
        self._source, self._sock, self._deadline = source, sock, deadline

    def readable(self) -> bool:
        return True

    # The base class would take any buffer; a BufferedReader hands over nothing else.
    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._sock.settimeout(_time_left(self._deadline))
        return self._source.readinto1(buffer)

    def close(self) -> None:
        self._source.close()
        super().close()
