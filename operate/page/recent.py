"""The last requests to the front door, each refusal with the reason that the functions logged."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from local.door.visits import Visit

if TYPE_CHECKING:
    # It would make the start slower.
    from operate.logs import Line

KEPT = 200
"""Requests."""

_LOGGED_WITHIN_SECONDS = 30.0
"""A line that has not been found by then will not be."""

_TOLERANCE_SECONDS = 0.05
"""A log's clock has milliseconds, and is read by another process."""

_FUNCTIONS = {
    "/.well-known/jwks.json": "jwks",
    "/token": "auth",
    "/token/anonymous": "auth-anonymous",
}


class Logs(Protocol):
    """Where the functions' lines come from, see `operate.logs.FunctionLogs`."""

    def new_lines(self, since: float) -> list[Line]:
        """Lines that were not given before, from `since` (epoch seconds) on."""


@dataclass(slots=True)
class _Request:
    number: int
    revision: int
    visit: Visit
    reasons: list[str]
    is_open: bool
    """Whether a reason is still to be looked for."""

    @property
    def function(self) -> str | None:
        return _FUNCTIONS.get(self.visit.path)

    def may_have_logged(self, line: Line) -> bool:
        began, took = self.visit.at, self.visit.seconds
        return (
            self.function == line.function
            and began - _TOLERANCE_SECONDS <= line.at <= began + took + _TOLERANCE_SECONDS
        )

    def document(self) -> dict[str, Any]:
        return {"number": self.number, **asdict(self.visit), "reasons": self.reasons}


class RecentRequests:
    """The last requests; those for the page itself are left out."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._run = secrets.token_hex(8)
        self._requests: deque[_Request] = deque(maxlen=KEPT)
        self._lines: list[Line] = []
        self._count = self._revision = 0
        self._lock = threading.Lock()
        self._reading = threading.Lock()

    def visited(self, visit: Visit) -> None:
        """Adds a request."""
        is_page = visit.path == "/" and visit.method in ("GET", "HEAD")
        if is_page or visit.path == "/page" or visit.path.startswith("/page/"):
            return
        with self._lock:
            self._count += 1
            self._revision += 1
            is_refused = visit.status >= HTTPStatus.BAD_REQUEST and visit.path in _FUNCTIONS
            self._requests.append(_Request(self._count, self._revision, visit, [], is_refused))

    def after(self, revision: int) -> dict[str, Any]:
        """What has come, or come to be known, since a revision; the newest last.

        `run` is another one after each start of the stack: revisions begin anew then.
        """
        with self._lock:
            changed = [each.document() for each in self._requests if each.revision > revision]
            return {"run": self._run, "revision": self._revision, "requests": changed}

    def explain(self, logs: Logs) -> None:
        """Looks into the logs for the reasons of what was refused, where that is still open."""
        with self._reading:
            late = self._clock() - _LOGGED_WITHIN_SECONDS
            with self._lock:
                unexplained = [each for each in self._requests if each.is_open]
            if not unexplained:
                return
            began = min(each.visit.at for each in unexplained)
            lines = logs.new_lines(began - _TOLERANCE_SECONDS)
            with self._lock:
                # The request that a line is about may not have been answered yet.
                left = [line for line in [*self._lines, *lines] if not self._told(line)]
                self._lines = [line for line in left if line.at > late]
                for each in unexplained:
                    each.is_open = not each.reasons and each.visit.at > late

    def _told(self, line: Line) -> bool:
        """Whether a line could be told to be about a request."""
        fitting = [each for each in self._requests if each.may_have_logged(line)]
        if not fitting:
            return False
        refused: Sequence[_Request] = [
            each for each in fitting if each.visit.status >= HTTPStatus.BAD_REQUEST
        ]
        about = min(refused or fitting, key=lambda each: (len(each.reasons), each.number))
        self._revision += 1
        about.revision = self._revision
        about.reasons.append(line.message)
        return True
