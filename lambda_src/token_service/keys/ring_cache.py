"""The key ring as a token function has it at hand."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from token_service.aws.aws_json import AwsError
from token_service.keys.device_keys import DeviceKey, DeviceKeys, device_secret
from token_service.keys.jwk import public_members
from token_service.keys.kept import Kept
from token_service.keys.keyring import KeyRing, KeyRingError, RetiredKey, SigningKey
from token_service.keys.ring_store import StoredRing
from token_service.keys.signer import Signer, UnusableKeyError

log = logging.getLogger(__name__)

LONGEST_PAUSE = 10
"""Seconds between attempts to read the ring while it cannot be read."""


@dataclass(frozen=True, slots=True)
class ReadyRing:
    """A ring made ready to sign and to recognise tokens of its own.

    Attributes:
        signer: The current key.
        verification_keys: By `kid`, the algorithm and public JWK of each key that may have signed
            and is not revoked.
        device_keys: Give devices their tokens, and know them again.
    """

    signer: Signer
    verification_keys: Mapping[str, tuple[str, Mapping[str, str]]]
    device_keys: DeviceKeys

    @classmethod
    def of(cls, ring: KeyRing) -> "ReadyRing":
        """Parse the current key and try it; raises `UnusableKeyError`.

        Of the others, which only recognise devices, one that cannot be read is left out.
        """
        signer = Signer.from_key(ring.current)
        device_keys: list[DeviceKey] = []
        verification_keys = {}
        known: list[RetiredKey | SigningKey] = [*ring.retired, *ring.keys]
        for key in known:
            try:
                verification_keys[key.kid] = key.alg, public_members(key.public_jwk)
                if key.device_secret is not None:
                    device_keys.append(DeviceKey.of(key.kid, key.device_secret))
            except (ValueError, TypeError, AttributeError):
                log.error(  # noqa: TRY400 - the exception could quote members of the key
                    "the key %s of the ring cannot be read; it is left out", key.kid
                )
        current = DeviceKey.of(ring.current.kid, device_secret(ring.current.private_jwk))
        return cls(signer, verification_keys, DeviceKeys(current, device_keys))


class RingCache:
    """Reads the ring once in `refresh_after` seconds.

    While the secret is out of reach, or holds a ring that cannot sign, the ring at hand signs on
    until it is `max_age` seconds old. Past that its key may have left the JWKS before the tokens
    expire, and `NothingKeptError` is raised instead: better no token than one that nobody accepts.
    """

    def __init__(
        self,
        read: Callable[[], StoredRing | None],
        clock: Callable[[], float],
        *,
        refresh_after: float,
        max_age: float,
    ) -> None:
        def read_ready() -> ReadyRing:
            stored = read()
            if stored is None:
                raise KeyRingError("the secret has no key ring yet")
            return ReadyRing.of(stored.ring)

        self._kept = Kept(
            "the key ring",
            read_ready,
            (AwsError, KeyRingError, UnusableKeyError),
            clock,
            refresh_after=refresh_after,
            max_age=max_age,
            longest_pause=LONGEST_PAUSE,
        )

    def get(self) -> ReadyRing:
        """The ring to sign with now."""
        return self._kept.get()
