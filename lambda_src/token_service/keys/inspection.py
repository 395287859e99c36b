"""What there is to tell of the ring and of what is published, and what is due to be published."""

import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from token_service.aws.aws_json import AwsError
from token_service.keys import keyring, publication
from token_service.keys.change import RingChanges
from token_service.keys.jwk_set import PublicationError
from token_service.keys.keyring import KeyRing, SigningKey
from token_service.keys.problems import Problem, ProblemKind, find_problems
from token_service.keys.publication import LONGEST_RETENTION, Publication
from token_service.keys.ring_store import ConflictError, PendingVersion, StoredRing

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RingStatus:
    """The ring in use, what is published and what of it is wrong, and the change under way.

    `rotation_possible_at` is the epoch second at which the next rotation may come.
    """

    ring: KeyRing
    published: Publication
    pending: PendingVersion | None
    problems: list[Problem]
    rotation_possible_at: float


@dataclass(frozen=True, slots=True)
class RingInspection(RingChanges):
    """Looks at the ring and at the JWKS, and brings the one in step with the other."""

    def publish_due(self) -> list[Problem]:
        """Publish what is not as it should be; returns what is still not.

        Three calls to AWS where nothing is due. For a schedule: what a change could not publish is
        published as soon as it can be.
        """
        try:
            ring, published = self.publisher.publish_in_use()
        except (AwsError, PublicationError, ConflictError) as error:
            log.exception("the JWKS could not be published, and has to be later")
            failed = Problem(ProblemKind.UNWRITABLE, detail=str(error))
            return [failed, *self.status().problems]
        missing = {key.kid for key in ring.keys} - published.keys()
        # Looked at anew: another change may just have taken them out.
        return self.status().problems if missing else []

    def status(self) -> RingStatus:
        """The ring in use and what is published; also where that cannot be read."""
        current, pending = self.rings.current(), self.rings.pending()
        prepared = [pending.stored.ring] if pending and pending.stored else []
        published, problems = self.compare(current.ring, prepared)
        possible_at = self._possible_at(current, published)
        return RingStatus(current.ring, published, pending, problems, possible_at)

    def compare(
        self, ring: KeyRing, prepared: Sequence[KeyRing] = ()
    ) -> tuple[Publication, list[Problem]]:
        """What is published, and what of it is not as these rings have it."""
        try:
            seen = self.publisher.look()
        except AwsError as error:
            log.exception("the JWKS cannot be read")
            return {}, [Problem(ProblemKind.UNREADABLE, detail=str(error))]
        found = find_problems(ring, prepared, seen.stands)
        if seen.problem is None and seen.document is not None:
            served = self.publisher.withdrawn([ring]) - publication.withdrawn(seen.document)
            found += [Problem(ProblemKind.REVOKED, kid) for kid in sorted(served)]
        else:
            # What keys it has or lacks is no matter then, but for who put others there.
            foreign = [each for each in found if each.problem is ProblemKind.FOREIGN]
            found = [Problem(ProblemKind.NOT_SERVED, detail=seen.problem), *foreign]
        return seen.believed, found

    def _possible_at(self, current: StoredRing, published: Publication) -> float:
        """When the next rotation may come; the key that it makes is as large as the next one."""
        ring, now = current.ring, self.now()
        known_at = keyring.may_sign_at(ring.next.kid, published, now, self.timings)
        if self._fit(ring, (*ring.keys, ring.next)):
            return known_at
        room_at = self.room_at(current, ring.next, published)
        # Keys that have no stamp yet get one with the next publication.
        return max(known_at, min(room_at, now + LONGEST_RETENTION))

    def room_at(self, current: StoredRing, another: SigningKey, published: Publication) -> float:
        """When enough previous keys have left for `another` one; infinite if that is not known."""
        leaves = [keyring.leaves_at(key.kid, published, self.timings) for key in current.ring.keys]
        for at in sorted(moment for moment in leaves if moment is not None):
            kept = keyring.retire(current.ring, published, at, self.timings)
            if self._fit(kept, (*kept.keys, another)):
                return at
        return math.inf

    def _fit(self, ring: KeyRing, keys: Iterable[SigningKey]) -> bool:
        jwks = [jwk for key in keys if (jwk := key.publishable)]
        return publication.fits(jwks, self.publisher.withdrawn([ring]))
