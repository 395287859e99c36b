"""One HTTP request, as doctor asks: over IPv4 as PowerSync does, no redirect followed, timed."""

import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

LARGEST_BODY = 1_000_000
"""Bytes."""


class NoAnswerError(Exception):
    """No answer came; says why. `too_slow` where a connection was taken and time ran out."""

    def __init__(self, reason: str, *, too_slow: bool = False) -> None:
        self.too_slow = too_slow
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, after how many seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


def ask(
    url: str,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    time_limit: float,
) -> Answer:
    """Send one request; `time_limit` is in seconds, for all of it.

    Raises:
        NoAnswerError: None came in time.
    """
    began = time.monotonic()
    sent = {"Accept": "application/json", **(headers or {})}
    try:
        with (
            _client(url, time_limit) as client,
            client.stream(method, url, headers=sent) as response,
        ):
            body = b""
            for piece in response.iter_raw():
                body += piece
                if len(body) > LARGEST_BODY:
                    raise NoAnswerError(f"more than {LARGEST_BODY} bytes")
                if time.monotonic() - began > time_limit:
                    raise NoAnswerError(f"not complete within {time_limit:g} s", too_slow=True)
    except (httpx.ReadTimeout, httpx.WriteTimeout):
        raise NoAnswerError(f"no answer within {time_limit:g} s", too_slow=True) from None
    except httpx.ConnectTimeout:
        raise NoAnswerError(f"no connection within {time_limit:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise NoAnswerError(str(error) or type(error).__name__) from None
    return Answer(response.status_code, response.headers, body, time.monotonic() - began)


def _client(url: str, time_limit: float) -> httpx.Client:
    host = httpx.URL(url).host
    proxies = urllib.request.getproxies()
    if proxies and not (host == "localhost" or host.startswith("127.") or "." not in host):
        return httpx.Client(timeout=time_limit)  # A company's proxy resolves names by itself.
    transport = httpx.HTTPTransport(local_address="0.0.0.0")  # noqa: S104 - it makes it IPv4
    return httpx.Client(timeout=time_limit, transport=transport)
