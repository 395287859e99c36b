"""Asking an identity provider over HTTP, within bounds that it cannot stretch.

One request has two seconds in all, however its bytes are spread over them; it follows no redirect;
it reads no more than 256 KiB. `urls.py` says which URLs may be asked.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from token_service.aws.exchange import NoAnswerError, OversizedError, exchange

TIME_LIMIT = 2.0
"""Seconds for one request in all: connecting, TLS, headers and body. Only the resolver's own time
for a name cannot be cut short."""

LARGEST_BODY = 262_144
"""Bytes."""

RETRY_INTERVAL = 10
"""Seconds between attempts while a provider is out of reach."""

MISCONFIGURED_WAIT = 300
"""Seconds after which a client may ask again where somebody has to change something first. We look
again ourselves as soon as after an outage, so that a change is noticed."""

_PASSING_STATUSES = frozenset({408, 425, 429})
"""Statuses below 500 that say nothing about the address (RFC 9110 §15.5.9, RFC 8470, RFC 6585)."""

_FIELDS = {
    "Accept": "application/json",
    "Connection": "close",
    # Firewalls such as AWS WAF's core rules refuse a request without: a 403 at userinfo would count
    # as a session that has ended.
    "User-Agent": "powersync-auth",
}


class IdentityProviderUnavailableError(Exception):
    """An identity provider did not answer usefully: nothing was proven, in either direction.

    Attributes:
        retry_after: Seconds after which trying again makes sense.
    """

    def __init__(self, reason: str, retry_after: int = RETRY_INTERVAL) -> None:
        self.retry_after = retry_after
        super().__init__(reason)


class MisconfiguredProviderError(IdentityProviderUnavailableError):
    """What a provider answered shows a mistake of its set-up, or of ours: waiting mends nothing."""

    def __init__(self, reason: str, retry_after: int = MISCONFIGURED_WAIT) -> None:
        super().__init__(reason, max(retry_after, MISCONFIGURED_WAIT))


class OversizedAnswerError(IdentityProviderUnavailableError):
    """The identity provider did answer, with more than is read."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A provider's failure, kept so that nobody else waits for the same one.

    Attributes:
        cause: What went wrong.
        ask_again_at: When the provider may be asked again, in epoch seconds.
    """

    cause: IdentityProviderUnavailableError
    ask_again_at: float

    def lasts(self, now: float) -> bool:
        """Whether it is too early to ask the provider again."""
        return now < self.ask_again_at

    def error(self, now: float) -> IdentityProviderUnavailableError:
        """What to raise instead of asking, with the seconds that are left of it."""
        wait = max(1, math.ceil(self.ask_again_at - now))
        return type(self.cause)(str(self.cause), wait)


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

    @property
    def is_lasting_refusal(self) -> bool:
        """Whether the status says that nothing is to be had at this address."""
        return 400 <= self.status < 500 and self.status not in _PASSING_STATUSES


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
    try:
        answer = exchange(
            method,
            url,
            {**_FIELDS, **(headers or {})},
            body,
            deadline=time.monotonic() + TIME_LIMIT,
            largest=LARGEST_BODY,
        )
    except OversizedError as error:
        raise OversizedAnswerError(str(error)) from error
    except NoAnswerError as error:
        reason = f"{urlsplit(url).netloc} did not answer: {error}"
        raise IdentityProviderUnavailableError(reason) from error
    retry_after = answer.headers.get("retry-after", "")
    seconds = int(retry_after) if retry_after.isdecimal() and len(retry_after) < 6 else None
    return ProviderResponse(answer.status, answer.body, seconds)
