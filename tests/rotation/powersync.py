"""When a PowerSync instance fetches the JWKS, and which keys it judges a token by.

The same rules as those of `tests/js/key_cache.mjs`, in simulated time.
"""

from collections.abc import Callable
from dataclasses import dataclass

from token_service.keys.commands import POWERSYNC_REFRESH_SECONDS


@dataclass
class Instance:
    """A PowerSync instance: refreshes on requests, never by a timer."""

    verifier_cache: float
    kids: frozenset[str] = frozenset()
    fetched_at: float = float("-inf")
    asked_at: float = float("-inf")
    failed: bool = False

    def judge_by(
        self, now: float, fetch: Callable[[], frozenset[str] | None], delay: float
    ) -> frozenset[str] | None:
        """The keys that a request at `now` is judged by; None if there are none to be had."""
        waits = now - self.fetched_at > self.verifier_cache
        if waits:
            self.kids = frozenset()
        judged_by = self.kids
        since = now - self.asked_at
        if since >= self._refresh_after(waits):
            self.asked_at = now
            fetched = fetch()
            self.failed = fetched is None
            if fetched is not None:
                self.kids, self.fetched_at = fetched, now + delay
        if waits:
            return None if self.failed or not self.kids else self.kids
        return judged_by

    def _refresh_after(self, waits: bool) -> float:
        if self.failed or waits:
            return self.verifier_cache / 60
        return min(POWERSYNC_REFRESH_SECONDS, self.verifier_cache / 12)
