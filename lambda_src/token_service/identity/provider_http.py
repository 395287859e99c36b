"""Asking an identity provider over HTTP, within bounds that it cannot stretch.

One request has two seconds in all, however its bytes are spread over them; it follows no redirect;
it reads no more than 256 KiB; it goes to https, and to plain http on loopback only where the local
stack allows that.
"""

import contextlib
import http.client
import io
import math
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from token_service.aws import tls

TIME_LIMIT = 2.0
"""Seconds for one request in all: connecting, TLS, headers and body. Only the resolver's own time
for a name cannot be cut short."""

LARGEST_BODY = 262_144
"""Bytes."""

RETRY_INTERVAL = 10
"""Seconds between attempts while a provider is out of reach."""

_FIELDS = {
    "Accept": "application/json",
    "Connection": "close",
    # Firewalls such as AWS WAF's core rules refuse a request without: a 403 at userinfo would count
    # as a session that has ended.
    "User-Agent": "powersync-auth",
}

_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


class IdentityProviderUnavailableError(Exception):
    """An identity provider did not answer usefully: nothing was proven, in either direction.

    Attributes:
        retry_after: Seconds after which trying again makes sense.
    """

    def __init__(self, reason: str, retry_after: int = RETRY_INTERVAL) -> None:
        self.retry_after = retry_after
        super().__init__(reason)


class OversizedAnswerError(IdentityProviderUnavailableError):
    """The identity provider did answer, with more than is read."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A provider's failure, kept so that nobody else waits for the same one.

    Attributes:
        reason: What went wrong.
        ask_again_at: When the provider may be asked again, in epoch seconds.
    """

    reason: str
    ask_again_at: float

    def lasts(self, now: float) -> bool:
        """Whether it is too early to ask the provider again."""
        return now < self.ask_again_at

    def error(self, now: float) -> IdentityProviderUnavailableError:
        """What to raise instead of asking, with the seconds that are left of it."""
        wait = max(1, math.ceil(self.ask_again_at - now))
        return IdentityProviderUnavailableError(self.reason, wait)


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """An identity provider's answer; `retry_after` is its header `Retry-After` in seconds."""

    status: int
    body: bytes
    retry_after: int | None

    def unexpected(self, who: str) -> IdentityProviderUnavailableError:
        """What to raise for a status that proves nothing; passes on the wait, from 1 to 60 s."""
        wait = min(max(self.retry_after or RETRY_INTERVAL, 1), 60)
        return IdentityProviderUnavailableError(f"{who} answered with status {self.status}", wait)


def check_url(url: str, *, allow_loopback_http: bool) -> str:
    """The URL itself, if it may be asked; raises `ValueError` saying what is wrong with it."""
    if not url.isascii() or not url.isprintable() or any(c in url for c in ' "<>\\^`{|}'):
        raise ValueError("has characters that do not belong into a URL")
    parts = urlsplit(url)
    if not parts.hostname or "@" in parts.netloc or parts.fragment:
        raise ValueError("needs a host, and neither user nor fragment")
    if parts.port == 0:
        raise ValueError("has port 0")
    if parts.scheme == "https":
        return url
    if parts.scheme == "http" and allow_loopback_http and parts.hostname in _LOOPBACK_HOSTS:
        return url
    raise ValueError("is not https")


def send_request(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> ProviderResponse:
    """Send one request to a URL that `check_url` has passed.

    Raises `IdentityProviderUnavailableError` when no complete answer within the bounds came.
    """
    parts = urlsplit(url)
    deadline = time.monotonic() + TIME_LIMIT
    connection = http.client.HTTPConnection(parts.netloc)
    try:
        connection.sock = _connect(parts, deadline)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fields = {"Host": parts.netloc, **_FIELDS, **(headers or {})}
        connection.request(method, target, body, fields)
        response = http.client.HTTPResponse(connection.sock, method=method)
        response.fp = io.BufferedReader(_DeadlineReader(response.fp, connection.sock, deadline))
        with contextlib.closing(response):
            response.begin()
            return _read(response)
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        # UnicodeError: a name that cannot be one, such as with a label of 64 characters.
        reason = f"{parts.netloc} did not answer: {type(error).__name__}"
        raise IdentityProviderUnavailableError(reason) from error
    finally:
        connection.close()


def _read(response: http.client.HTTPResponse) -> ProviderResponse:
    body = response.read(LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        raise OversizedAnswerError(f"an answer of more than {LARGEST_BODY} bytes")
    retry_after = response.headers.get("Retry-After", "")
    seconds = int(retry_after) if retry_after.isdecimal() and len(retry_after) < 6 else None
    return ProviderResponse(response.status, body, seconds)


def _connect(parts: SplitResult, deadline: float) -> socket.socket:
    """A connection to the first address that takes it; each gets its share of the time left."""
    host = parts.hostname or ""
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
