"""How long ago something was, in a container that Lambda freezes between requests."""

import time
from collections.abc import Callable


class SteadyClock:
    """Seconds that never run backwards and go on while the container is frozen.

    For ages: of what is cached, of an outage. The wall clock may be set back, and everything would
    look younger than it is. The monotonic one may stand still while Lambda freezes a container, and
    a ring from yesterday would sign as a fresh one. So each reading goes on by the larger of their
    steps; a clock that is set forward makes things look older, which costs a read.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] | None = None,
        wall: Callable[[], float] | None = None,
    ) -> None:
        self._monotonic = monotonic or time.monotonic
        self._wall = wall or time.time
        self._seen = self._monotonic(), self._wall()
        self._now = 0.0

    def __call__(self) -> float:
        """Seconds since the clock was made."""
        seen = self._monotonic(), self._wall()
        self._now += max(seen[0] - self._seen[0], seen[1] - self._seen[1])
        self._seen = seen
        return self._now
