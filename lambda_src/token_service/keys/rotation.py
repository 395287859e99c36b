"""What the ring is asked for: by Secrets Manager's rotation contract, the deployment and operators.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
"""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from token_service.aws.aws_json import AwsError
from token_service.keys import keyring, signer
from token_service.keys.change import ABANDONED_AFTER, successor
from token_service.keys.inspection import RingInspection
from token_service.keys.jwk_set import PublicationError
from token_service.keys.keyring import KeyRing, KeyRingError, MakeKey, NoRoomError
from token_service.keys.publisher import LABELS_SEEN_WITHIN
from token_service.keys.ring_store import (
    CURRENT,
    PENDING,
    ConflictError,
    NoKeyRingError,
    StoredRing,
)

log = logging.getLogger(__name__)

ATTEMPTS = 5
"""How often a revocation starts again when others were quicker."""


class RingInUseError(Exception):
    """A new ring is asked for, and the one in use is not lost."""


@dataclass(frozen=True, slots=True)
class Rotation(RingInspection):
    """Rotates, retires and revokes keys; `make_key` makes a new one."""

    make_key: MakeKey

    # What Secrets Manager asks for, `version_id` being its ClientRequestToken.

    def create_secret(self, version_id: str) -> None:
        """Prepare the ring after this rotation, unless an earlier call has."""
        labels = self.rings.labels().get(version_id)
        if labels is None:
            self.refuse_if_under_way()
        elif CURRENT in labels or self.rings.read(version_id=version_id):
            return
        current = self.rings.current()
        published = self.publisher.published()
        now = self.now()
        # First, while the publication tells which keys are previous ones.
        ring = keyring.retire(current.ring, published, now, self.timings)
        try:
            ring = keyring.rotate(ring, self.make_key, published, now, self.timings)
            ring = successor(ring, current)
            if not self.publisher.fits(current, ring):
                possible_at = self.room_at(current, ring.next, published)
                raise NoRoomError(len(ring.keys), possible_at, now)
        except (keyring.RotationTooEarlyError, NoRoomError):
            # An empty version under AWSPENDING would make Secrets Manager refuse every rotation.
            self.rings.drop_pending(version_id)
            # It may be the publication that is not as it should be, and its times count from now.
            self.publish_if_possible()
            raise
        self.rings.put(version_id, ring)

    def set_secret(self, version_id: str) -> None:
        """Publish the prepared ring's keys beside those in use; nothing to do once it signs."""
        if not self._is_current(version_id):
            pending, current = self._own_pending(version_id), self.rings.current()
            self.refuse_if_outdated(pending, current)
            if not self.publisher.fits(current, pending.ring):
                self._begin_again(pending, current)
                raise ConflictError(
                    "the JWKS had no room for this change, which was dropped; what it revoked is"
                    " revoked: look at the keys and start again if it is still needed"
                )
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
                    self.refuse_if_outdated(self._own_pending(version_id), self.rings.current())
                raise PublicationError(
                    f"key {key.kid} is not published: run setSecret first (again, if another change"
                    " of the key ring came in between)"
                )
            signer.check_key_pair(key, published[key.kid].jwk)

    def finish_secret(self, version_id: str) -> None:
        """Make the prepared ring the one that signs."""
        finished = self.rings.read(version_id=version_id)
        if finished is not None and self._is_current(version_id):
            self.clean_up(finished)
        else:
            self.finish(self._own_pending(version_id))

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

    def new_ring(self) -> KeyRing:
        """Start anew where the ring in use cannot be read: its keys are lost, and nobody signs.

        To verifiers and devices it is as if every key were revoked. Raises `RingInUseError` for a
        ring that can be read, and `AwsError` where the secret or its customer key is out of order.
        """
        try:
            stored = self.rings.read()
        except KeyRingError:
            log.exception("the key ring is lost; a new one takes its place")
        else:
            ring = self.bootstrap()
            if stored is not None:
                raise RingInUseError(
                    f"there is a key ring, with the key {ring.current.kid}, and it is published; to"
                    " replace its keys: make revoke ALL=1"
                )
            return ring
        lost = next(id_ for id_, labels in self.rings.labels().items() if CURRENT in labels)
        ring = replace(keyring.bootstrap(self.make_key), derived_from=lost, forced=True)
        new = StoredRing(self.new_id(), ring, self.now())
        superseded = self.rings.pending()
        self.rings.put(new.version_id, ring)
        if superseded is not None:
            self.rings.drop_pending(superseded.version_id)
        self.rings.make_current(new.version_id, instead_of=lost)
        # Before that a reader may still see the lost one, which cannot be published.
        self.sleep(LABELS_SEEN_WITHIN)
        self.clean_up(new)
        return ring

    def retire(self) -> KeyRing:
        """Drop previous keys whose last token has expired; clean up after a change that failed.

        Raises `RotationInProgressError` while another change is under way.
        """
        self.refuse_if_under_way(ABANDONED_AFTER)
        self._recover()
        # Not published before: what leaves may be what makes room for that.
        published = self.publisher.published()
        return self.replace(
            lambda current: self._changed(
                current, keyring.retire(current.ring, published, self.now(), self.timings)
            )
        )

    def revoke(self, kids: list[str] | None) -> KeyRing:
        """Take keys out of use and out of the JWKS at once; None revokes every key.

        An emergency goes first: a rotation under way is superseded and says so at its next step;
        one that has just finished is built upon. Nor does it wait for anything: what cannot be
        published is logged, and where the JWKS has no room for the key that takes over, the oldest
        previous keys leave it before their time.
        """
        for attempt in range(ATTEMPTS - 1):
            try:
                return self.replace(self._revoking(kids), urgent=True)
            except ConflictError:
                log.info("the key ring has just been changed; revoking in the new one")
                self.sleep(0.5 * 2**attempt)
        return self.replace(self._revoking(kids), urgent=True)

    def _changed(self, current: StoredRing, ring: KeyRing) -> KeyRing:
        return ring if ring == current.ring else successor(ring, current)

    def _revoking(self, kids: list[str] | None) -> Callable[[StoredRing], KeyRing]:
        def change(current: StoredRing) -> KeyRing:
            ring = current.ring
            # All: also the retired ones, whose tokens still tell who an anonymous device is.
            revoked = list(ring.kids) if kids is None else kids
            now = int(self.clock())
            ring = keyring.revoke(ring, revoked, self.make_key, now, legacy=self.publisher.legacy)
            return self._with_room(current, self._changed(current, ring))

        return change

    def _with_room(self, current: StoredRing, ring: KeyRing) -> KeyRing:
        """A ring that revokes keys, without previous ones that the JWKS has no room for."""
        if self.publisher.fits(current, ring):
            return ring
        try:
            published = self.publisher.published()
        except AwsError:
            log.exception("the JWKS cannot be read; the revocation goes on without")
            published = {}
        ring = replace(keyring.retire(ring, published, self.now(), self.timings), forced=True)
        while not self.publisher.fits(current, ring):
            shorter = keyring.without_oldest(ring)
            if shorter is None:
                break
            log.warning("the JWKS has no room: its oldest previous key leaves it now")
            ring = shorter
        return ring

    def _recover(self) -> None:
        """Finish or drop what a failed change left under AWSPENDING."""
        pending = self.rings.pending()
        if pending is None:
            return
        stored, current = pending.stored, self.rings.current()
        if stored is None or stored.ring.derived_from != current.version_id:
            log.warning("dropping the abandoned pending version %s", pending.version_id)
            self.rings.drop_pending(pending.version_id)
        elif not self.publisher.fits(current, stored.ring):
            self._begin_again(stored, current)
        else:
            log.warning("finishing the abandoned change %s", pending.version_id)
            self.finish(stored)

    def _begin_again(self, pending: StoredRing, current: StoredRing) -> None:
        """Drop a prepared ring that the JWKS has no room for; what it revokes is revoked.

        Earlier releases have left such rings behind.
        """
        log.warning("dropping the pending version %s: no room in the JWKS", pending.version_id)
        self.rings.drop_pending(pending.version_id)
        revoked = sorted(pending.ring.revoked.keys() - current.ring.revoked.keys())
        if revoked:
            self.revoke(revoked)

    # What is there.

    def _is_current(self, version_id: str) -> bool:
        return CURRENT in self.rings.labels().get(version_id, ())

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
