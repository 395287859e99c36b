"""How one ring takes the place of another in AWS.

Every change takes the same five steps, each safe to repeat after a crash anywhere:

1. write the new ring as AWSPENDING: from here on no private key can be lost;
2. publish the keys of AWSCURRENT and AWSPENDING together: nothing signs unpublished;
3. move AWSCURRENT, provided it is still on the ring that the new one was derived from: of two
   changes at once one wins, and the other says so;
4. take AWSPENDING off;
5. publish again: a key that no longer signs is stamped, one that left disappears.

A revocation waits for nothing: where publishing fails, it goes on without.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from token_service.aws.aws_json import AwsError
from token_service.keys import keyring, ring_document
from token_service.keys.jwk_set import PublicationError
from token_service.keys.keyring import KeyRing, Timings
from token_service.keys.publication import Publication
from token_service.keys.publisher import JwksPublisher
from token_service.keys.ring_store import ConflictError, KeyRingStore, StoredRing

log = logging.getLogger(__name__)

ABANDONED_AFTER = 3600
"""Seconds after which a pending ring counts as left behind by a change that failed."""


class RotationInProgressError(Exception):
    """Another change of the ring is under way."""


@dataclass(frozen=True, slots=True)
class RingChanges:
    """Changes the ring in its stores.

    `clock` tells epoch seconds, `sleep` waits for seconds, `new_id` makes the id of a version.
    """

    rings: KeyRingStore
    publisher: JwksPublisher
    timings: Timings
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    new_id: Callable[[], str]

    def replace(self, change: Callable[[StoredRing], KeyRing], *, urgent: bool = False) -> KeyRing:
        """Make a change as a whole, superseding one that is under way; returns the new ring.

        Raises `ConflictError` where another change was quicker. An `urgent` one is made even where
        nothing can be published.
        """
        current = self.rings.current()
        ring = change(current)
        if ring == current.ring:
            self._publish(urgent=urgent)
            return ring
        version_id = self.new_id()
        superseded = self.rings.pending()
        self.rings.put(version_id, ring)
        if superseded is not None:
            # AWS has just moved the label; should it not, there must not be two.
            self.rings.drop_pending(superseded.version_id)
        self.finish(StoredRing(version_id, ring, self.now()))
        return ring

    def finish(self, pending: StoredRing) -> None:
        """All but the first step, for a ring that is under AWSPENDING."""
        current = self.rings.current()
        if current.version_id == pending.version_id:
            self.clean_up(pending)
            return
        self.refuse_if_outdated(pending, current)
        urgent = pending.ring.forced
        published = self._publish(urgent=urgent, prepared=pending)
        try:
            self._check_may_sign(pending.ring, current.ring, published)
            self.rings.make_current(pending.version_id, instead_of=current.version_id)
        except keyring.RotationTooEarlyError:
            self.publisher.publish()  # it may be another change that took the key out of the JWKS
            raise
        except ConflictError:
            self.rings.drop_pending(pending.version_id)
            self._publish(urgent=urgent)
            raise
        self.clean_up(pending)

    def clean_up(self, finished: StoredRing) -> None:
        """The last two steps, once `finished` signs."""
        self.rings.drop_pending(finished.version_id)
        self._publish(urgent=finished.ring.forced, finished=finished)

    def refuse_if_outdated(self, pending: StoredRing, current: StoredRing) -> None:
        """Drop a prepared ring that would undo what another change has made since."""
        if pending.ring.derived_from != current.version_id:
            self.rings.drop_pending(pending.version_id)
            self._publish(urgent=pending.ring.forced)
            raise ConflictError(
                "the key ring was changed by another call since this change began; nothing was"
                " lost: look at the keys and start again if it is still needed"
            )

    def refuse_if_under_way(self, abandoned_after: float = math.inf) -> None:
        """Raise `RotationInProgressError` for a prepared ring younger than `abandoned_after` s.

        A pending version without a ring loses nothing when another takes its label.
        """
        pending = self.rings.pending()
        if pending is None or pending.stored is None:
            return
        age = int(self.now() - pending.stored.created_at)
        if age < abandoned_after:
            raise RotationInProgressError(
                f"another change of the key ring ({pending.version_id}) is under way since {age} s;"
                " wait for it to end, or run `make rotate` to finish what a failed one left behind"
            )

    def now(self) -> float:
        """Epoch seconds, as they are stamped."""
        return round(self.clock(), 3)

    def publish_if_possible(self) -> None:
        """Publish what is due; what stands in the way is logged."""
        self._publish(urgent=True)

    def _publish(
        self,
        *,
        urgent: bool,
        prepared: StoredRing | None = None,
        finished: StoredRing | None = None,
    ) -> Publication:
        """Publish; where that fails and a revocation is `urgent`, say so and go on.

        A key that has to go must not sign on because Parameter Store is out of reach.
        """
        try:
            return self.publisher.publish(prepared=prepared, finished=finished)
        except (AwsError, PublicationError, ConflictError):
            if not urgent:
                raise
            log.exception("the JWKS could not be published, and has to be later")
            return {}

    def _check_may_sign(self, ring: KeyRing, before: KeyRing, published: Publication) -> None:
        """Once more at the last moment: a recovered ring may have been published only now."""
        now = self.now()
        possible_at = keyring.may_sign_at(ring.current.kid, published, now, self.timings)
        if ring.current.kid != before.current.kid and not ring.forced and now < possible_at:
            raise keyring.RotationTooEarlyError(ring.current.kid, possible_at, now)


def successor(ring: KeyRing, current: StoredRing) -> KeyRing:
    """The ring, as the one that takes the place of `current` and fits into a secret."""
    return ring_document.trimmed(
        replace(ring, derived_from=current.version_id, generation=current.ring.generation + 1)
    )
