"""The key ring as a token function has it at hand."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from token_service.aws.aws_json import AwsError
from token_service.keys.keyring import KeyRing, KeyRingError
from token_service.keys.signer import Signer
from token_service.keys.stores import StoredRing

log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 10
"""How long to sign on with the ring at hand before asking for a newer one again."""


class KeyRingUnavailableError(Exception):
    """There is no ring at hand that may sign; try again in `RETRY_AFTER_SECONDS`."""


@dataclass(frozen=True, slots=True)
class ReadyRing:
    """A ring made ready to sign and to recognise tokens of its own."""

    signer: Signer
    verification_keys: Mapping[str, tuple[str, Mapping[str, str]]]

    @classmethod
    def of(cls, ring: KeyRing) -> "ReadyRing":
        """Parse the current key."""
        return cls(Signer.from_key(ring.current), ring.verification_keys())


class RingCache:
    """Reads the ring once in `refresh_after` seconds.

    While the secret is out of reach the ring at hand signs on until it is `max_age` seconds old.
    Past that its key may have left the JWKS before the tokens expire, and
    `KeyRingUnavailableError` is raised instead: better no token than one that nobody accepts.
    """

    def __init__(
        self,
        read: Callable[[], StoredRing | None],
        clock: Callable[[], float],
        *,
        refresh_after: float,
        max_age: float,
    ) -> None:
        self._read = read
        self._clock = clock
        self._refresh_after = refresh_after
        self._max_age = max_age
        self._ready: ReadyRing | None = None
        self._read_at = 0.0
        self._ask_at = 0.0

    def get(self) -> ReadyRing:
        """The ring to sign with now."""
        now = self._clock()
        if self._ready is None or now >= self._ask_at:
            self._refresh(now)
        if self._ready is None or now - self._read_at >= self._max_age:
            raise KeyRingUnavailableError
        return self._ready

    def _refresh(self, now: float) -> None:
        try:
            stored = self._read()
            if stored is None:
                raise KeyRingError("the secret has no key ring yet")
            self._ready = ReadyRing.of(stored.ring)
        except (AwsError, KeyRingError):
            log.exception("the key ring cannot be read")
            self._ask_at = now + RETRY_AFTER_SECONDS
        else:
            self._read_at = now
            self._ask_at = now + self._refresh_after
