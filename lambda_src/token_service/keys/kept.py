"""Something that is read from AWS now and again, and kept while it cannot be read."""

import math
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class NothingKeptError(Exception):
    """It cannot be read, and nothing is at hand that is young enough.

    Attributes:
        retry_after: Seconds after which it is read again.
    """

    def __init__(self, what: str, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"{what} cannot be read")


class Kept(Generic[T]):
    """Reads once in `refresh_after` seconds; what is at hand serves until it is `max_age` old.

    After a failure nobody waits for another attempt for 1 s, then 2 s, 4 s and so on, at most
    `longest_pause`, whether anything is at hand or not.

    Args:
        what: What is read, for the log.
        read: Reads it; raises one of `failures`.
        failures: What `read` may raise. Anything else goes to the caller, once in each pause.
        clock: Seconds since whenever; see `SteadyClock`.
        refresh_after: Seconds.
        max_age: Seconds.
        longest_pause: Seconds.
    """

    def __init__(
        self,
        what: str,
        read: Callable[[], T],
        failures: tuple[type[Exception], ...],
        clock: Callable[[], float],
        *,
        refresh_after: float,
        max_age: float,
        longest_pause: float,
    ) -> None:
        self._what = what
        self._read = read
        self._failures = failures
        self._clock = clock
        self._refresh_after = refresh_after
        self._max_age = max_age
        self._longest_pause = longest_pause
        self._value: T | None = None
        self._read_at = -math.inf
        self._ask_at = -math.inf
        self._pause = 0.0

    @property
    def failing(self) -> bool:
        """Whether the last attempt to read it failed."""
        return self._pause > 0

    def get(self) -> T:
        """What was read last; raises `NothingKeptError`."""
        now = self._clock()
        if now >= self._ask_at:
            self._refresh()
            now = self._clock()
        too_old = self._pause > 0 and now - self._read_at >= self._max_age
        if self._value is None or too_old:
            raise NothingKeptError(self._what, max(1, math.ceil(self._ask_at - now)))
        return self._value

    def _refresh(self) -> None:
        self._pause = min(max(1.0, 2 * self._pause), self._longest_pause)
        asked_at = self._clock()
        try:
            self._value = self._read()
        except self._failures:
            # As much of the JWKS function's cold start as TLS, and only wanted here.
            import logging  # noqa: PLC0415

            logging.getLogger(__name__).exception("%s cannot be read", self._what)
        else:
            self._pause, self._read_at = 0.0, asked_at
        finally:
            # Whatever was raised, the next request must not be the next attempt.
            wait = self._clock() + self._pause
            self._ask_at = wait if self.failing else asked_at + self._refresh_after
