"""How the ring changes in AWS: the Secrets Manager rotation contract, and what operators ask for.

Every change takes the same five steps, each safe to repeat after a crash anywhere:

1. write the new ring as AWSPENDING: from here on no private key can be lost;
2. publish the keys of AWSCURRENT and AWSPENDING together: nothing signs unpublished;
3. move AWSCURRENT, provided it is still on the ring that the new one was derived from: of two
   changes at once one wins, and the other says so;
4. take AWSPENDING off;
5. publish again: a key that no longer signs is stamped, one that left disappears.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
"""

import logging
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from token_service.keys import keyring, signer
from token_service.keys.keyring import KeyRing, MakeKey, Timings
from token_service.keys.publication import Publication, PublicationError
from token_service.keys.publisher import JwksPublisher
from token_service.keys.stores import (
    CURRENT,
    PENDING,
    ConflictError,
    KeyRingStore,
    NoKeyRingError,
    PendingVersion,
    StoredRing,
)

log = logging.getLogger(__name__)

ABANDONED_AFTER = 3600
"""Seconds after which a pending ring counts as left behind by a change that failed."""

ATTEMPTS = 5
"""How often a revocation starts again when others were quicker."""


class RotationInProgressError(Exception):
    """Another change of the ring is under way."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """Changes the ring in its stores.

    `clock` tells epoch seconds, `sleep` waits for seconds, `new_id` makes the id of a version.
    """

    rings: KeyRingStore
    publisher: JwksPublisher
    make_key: MakeKey
    timings: Timings
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    new_id: Callable[[], str]

    # What Secrets Manager asks for, `version_id` being its ClientRequestToken.

    def create_secret(self, version_id: str) -> None:
        """Prepare the ring after this rotation, unless an earlier call has."""
        labels = self.rings.labels().get(version_id)
        if labels is None:
            self._refuse_if_under_way()
        elif CURRENT in labels or self.rings.read(version_id=version_id):
            return
        current = self.rings.current()
        published = self.publisher.published()
        now = self._now()
        # First, while the publication tells which keys are previous ones.
        ring = keyring.retire(current.ring, published, now, self.timings)
        try:
            ring = keyring.rotate(ring, self.make_key, published, now, self.timings)
            ring = _derived(ring, current)
            self.publisher.check_fits(current.ring, ring, published)
        except (keyring.RotationTooEarlyError, PublicationError):
            # An empty version under AWSPENDING would make Secrets Manager refuse every rotation.
            self.rings.drop_pending(version_id)
            raise
        self.rings.put(version_id, ring)

    def set_secret(self, version_id: str) -> None:
        """Publish the prepared ring's keys beside those in use; nothing to do once it signs."""
        if not self._is_current(version_id):
            pending = self._own_pending(version_id)
            self._refuse_if_outdated(pending, self.rings.current())
            self.publisher.publish(prepared=pending)

    def test_secret(self, version_id: str) -> None:
        """Sign with the prepared ring, and verify with what is published.

        With `RotateImmediately=false` Secrets Manager calls this step alone, on a temporary version
        that has no ring of its own: the current ring is tested then.
        """
        stored = self.rings.read(version_id=version_id) or self.rings.current()
        published = self.publisher.published()
        for key in (stored.ring.current, stored.ring.next):
            if key.kid not in published:
                if stored.version_id == version_id:
                    self._refuse_if_outdated(self._own_pending(version_id), self.rings.current())
                raise PublicationError(
                    f"key {key.kid} is not published: run setSecret first (again, if another change"
                    " of the key ring came in between)"
                )
            signer.check_key_pair(key, published[key.kid].jwk)

    def finish_secret(self, version_id: str) -> None:
        """Make the prepared ring the one that signs."""
        finished = self.rings.read(version_id=version_id)
        if finished is not None and self._is_current(version_id):
            self._clean_up(finished)
        else:
            self._finish(self._own_pending(version_id))

    # What the deployment, the schedule and operators ask for.

    def bootstrap(self) -> KeyRing:
        """Make the first ring, unless there is one, and publish it; returns the ring in use.

        The first version's id is always the same: Secrets Manager takes a version once, so that of
        two bootstraps at once one wins and no key that may have signed is written over.
        """
        if self.rings.read() is None:
            first = str(uuid.uuid5(uuid.NAMESPACE_URL, self.rings.secret_arn))
            try:
                self.rings.put(first, keyring.bootstrap(self.make_key), stage=CURRENT)
            except ConflictError:
                log.info("another bootstrap was quicker; its ring is used")
        self.publisher.publish()
        return self.rings.current().ring

    def retire(self) -> KeyRing:
        """Drop previous keys whose last token has expired; clean up after a change that failed.

        Raises `RotationInProgressError` while another change is under way.
        """
        self._refuse_if_under_way(ABANDONED_AFTER)
        self._recover()
        self.publisher.publish()
        published = self.publisher.published()
        return self._replace(
            lambda ring: keyring.retire(ring, published, self._now(), self.timings)
        )

    def revoke(self, kids: list[str] | None) -> KeyRing:
        """Take keys out of use and out of the JWKS at once; None revokes every key.

        An emergency goes first: a rotation under way is superseded and says so at its next step;
        one that has just finished is built upon.
        """
        for attempt in range(ATTEMPTS - 1):
            try:
                return self._replace(self._revoking(kids))
            except ConflictError:
                log.info("the key ring has just been changed; revoking in the new one")
                self.sleep(0.5 * 2**attempt)
        return self._replace(self._revoking(kids))

    def status(self) -> tuple[KeyRing, Publication, PendingVersion | None]:
        """The ring in use, what is published, and the change under way."""
        return self.rings.current().ring, self.publisher.published(), self.rings.pending()

    # The five steps.

    def _revoking(self, kids: list[str] | None) -> Callable[[KeyRing], KeyRing]:
        def change(ring: KeyRing) -> KeyRing:
            # All: also the retired ones, whose tokens still tell who an anonymous device is.
            revoked = list(ring.verification_keys()) if kids is None else kids
            return keyring.revoke(ring, revoked, self.make_key, int(self.clock()))

        return change

    def _replace(self, change: Callable[[KeyRing], KeyRing]) -> KeyRing:
        current = self.rings.current()
        ring = change(current.ring)
        if ring == current.ring:
            self.publisher.publish()
            return ring
        version_id = self.new_id()
        ring = _derived(ring, current)
        superseded = self.rings.pending()
        self.rings.put(version_id, ring)
        if superseded is not None:
            # AWS has just moved the label; should it not, there must not be two.
            self.rings.drop_pending(superseded.version_id)
        self._finish(StoredRing(version_id, ring, self._now()))
        return ring

    def _finish(self, pending: StoredRing) -> None:
        current = self.rings.current()
        if current.version_id == pending.version_id:
            self._clean_up(pending)
            return
        self._refuse_if_outdated(pending, current)
        published = self.publisher.publish(prepared=pending)
        try:
            self._check_may_sign(pending.ring, current.ring, published)
            self.rings.make_current(pending.version_id, instead_of=current.version_id)
        except keyring.RotationTooEarlyError:
            self.publisher.publish()  # it may be another change that took the key out of the JWKS
            raise
        except ConflictError:
            self.rings.drop_pending(pending.version_id)
            self.publisher.publish()
            raise
        self._clean_up(pending)

    def _clean_up(self, finished: StoredRing) -> None:
        """The last two steps, once `finished` signs."""
        self.rings.drop_pending(finished.version_id)
        self.publisher.publish(finished=finished)

    def _refuse_if_outdated(self, pending: StoredRing, current: StoredRing) -> None:
        """Drop a prepared ring that would undo what another change has made since."""
        if pending.ring.derived_from != current.version_id:
            self.rings.drop_pending(pending.version_id)
            self.publisher.publish()
            raise ConflictError(
                "the key ring was changed by another call since this change began; nothing was"
                " lost: look at the keys and start again if it is still needed"
            )

    def _check_may_sign(self, ring: KeyRing, before: KeyRing, published: Publication) -> None:
        """Once more at the last moment: a recovered ring may have been published only now."""
        now = self._now()
        possible_at = keyring.may_sign_at(ring.current.kid, published, now, self.timings)
        if ring.current.kid != before.current.kid and not ring.forced and now < possible_at:
            raise keyring.RotationTooEarlyError(ring.current.kid, possible_at, now)

    def _recover(self) -> None:
        """Finish or drop what a failed change left under AWSPENDING."""
        pending = self.rings.pending()
        if pending is None:
            return
        stored = pending.stored
        if stored is None or stored.ring.derived_from != self.rings.current().version_id:
            log.warning("dropping the abandoned pending version %s", pending.version_id)
            self.rings.drop_pending(pending.version_id)
        else:
            log.warning("finishing the abandoned change %s", pending.version_id)
            self._finish(stored)

    # What is there.

    def _now(self) -> float:
        return round(self.clock(), 3)

    def _is_current(self, version_id: str) -> bool:
        return CURRENT in self.rings.labels().get(version_id, ())

    def _refuse_if_under_way(self, abandoned_after: float = math.inf) -> None:
        """Raise `RotationInProgressError` for a prepared ring younger than `abandoned_after` s.

        A pending version without a ring loses nothing when another takes its label.
        """
        pending = self.rings.pending()
        if pending is None or pending.stored is None:
            return
        age = int(self._now() - pending.stored.created_at)
        if age < abandoned_after:
            raise RotationInProgressError(
                f"another change of the key ring ({pending.version_id}) is under way since {age} s;"
                " wait for it to end, or run `make rotate` to finish what a failed one left behind"
            )

    def _own_pending(self, version_id: str) -> StoredRing:
        if PENDING not in self.rings.labels().get(version_id, ()):
            self.publisher.publish()  # without what this rotation had published
            raise ConflictError(
                "this rotation was superseded by another change of the key ring; nothing was lost"
            )
        stored = self.rings.read(version_id=version_id)
        if stored is None:
            raise NoKeyRingError(f"version {version_id} has no ring: run createSecret first")
        return stored


def _derived(ring: KeyRing, current: StoredRing) -> KeyRing:
    """The ring, as the successor of the one that signs."""
    return replace(ring, derived_from=current.version_id, generation=current.ring.generation + 1)
