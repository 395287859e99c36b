"""Keeps the published JWKS in step with the rings, whoever else changes them meanwhile."""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from token_service.keys import publication
from token_service.keys.keyring import KeyRing, State
from token_service.keys.publication import Publication, PublicationError, PublishedKey
from token_service.keys.stores import ConflictError, KeyRingStore, PublicationStore, StoredRing

log = logging.getLogger(__name__)

ATTEMPTS = 5
"""How often writing the publication starts again when others were quicker."""

LABELS_SEEN_WITHIN = 6.0
"""Seconds after which readers of the secret see where a label has moved."""


def derive(
    current: KeyRing,
    prepared: Sequence[KeyRing],
    before: Publication,
    now: float,
    retain_after_signing: float,
    *,
    dropped: Collection[str] = (),
) -> dict[str, PublishedKey]:
    """What is to be published, given the ring under AWSCURRENT and those prepared to replace it.

    A key of any ring is published unless one of them revokes it or it is among `dropped`. Times
    already stamped in `before` stay; what is seen for the first time is stamped `now`: a key, a key
    that the current ring signs with, a key that it keeps as `previous` and so no longer signs with.
    A key that signs again (somebody moved AWSCURRENT back by hand) has not stopped. The key that
    signs will be needed for `retain_after_signing` seconds when it stops.
    """
    rings = (current, *prepared)
    gone = {kid for ring in rings for kid in ring.revoked} | set(dropped)
    states = {key.kid: key.state for key in current.keys}
    publication: dict[str, PublishedKey] = {}
    for key in (key for ring in rings for key in ring.keys):
        if key.kid in gone or key.kid in publication:
            continue
        state = states.get(key.kid)
        seen = before.get(key.kid) or PublishedKey({}, published_at=now)
        signing_since, stopped_at = seen.signing_since, seen.stopped_signing_at
        retained_for = seen.retained_for
        if state is State.CURRENT:
            signing_since, stopped_at = signing_since or now, None
            retained_for = max(retained_for, retain_after_signing)
        elif state is State.PREVIOUS:
            stopped_at = stopped_at or now
        publication[key.kid] = PublishedKey(
            jwk=key.published_jwk,
            published_at=seen.published_at,
            signing_since=signing_since,
            stopped_signing_at=stopped_at,
            retained_for=retained_for,
        )
    return publication


@dataclass(frozen=True, slots=True)
class JwksPublisher:
    """Derives the publication from the rings under AWSCURRENT and AWSPENDING, and writes it.

    `retain_after_signing` is in seconds; `clock` tells epoch seconds, `sleep` waits for seconds.
    """

    rings: KeyRingStore
    publications: PublicationStore
    retain_after_signing: float
    clock: Callable[[], float]
    sleep: Callable[[float], None]

    def published(self) -> Publication:
        """What is published; nothing, where the parameter cannot be read as a publication."""
        return self._read()[0]

    def publish(
        self, *, prepared: StoredRing | None = None, finished: StoredRing | None = None
    ) -> Publication:
        """Derive the publication and write it, if it is not what stands there; returns it.

        SSM has no conditional write: a version number that was skipped shows that somebody else
        wrote in between. What they knew is gone with their document, so the publication is derived
        again when the secret's labels tell it.

        Readers of the secret see a label move late. A key could sign unpublished, or a revoked one
        be published again, unless a caller says what it knows to be `prepared` as AWSPENDING or
        `finished` as AWSCURRENT, and a ring older than the published one is waited out (for some
        seconds: then it is no delay, somebody has moved AWSCURRENT back).

        Raises `ConflictError` if others keep writing.
        """
        for attempt in range(ATTEMPTS):
            before, version, generation = self._read()
            current = self.rings.current()
            if finished is not None and current.version_id == finished.ring.derived_from:
                current = finished
            if current.ring.generation < generation and attempt < ATTEMPTS - 1:
                self.sleep(0.5 * 2**attempt)
                continue
            pending = self.rings.pending()
            seen = pending.stored if pending else None
            derived = self._derive(current, [p for p in (prepared, seen) if p], before)
            known = prepared or finished
            if known is not None and known.ring.forced and not _fit(derived):
                # What else is seen as pending is superseded, by a label that readers see late.
                derived = self._derive(current, [prepared] if prepared else [], before)
            signing = current.ring.generation
            if (derived, signing) == (before, generation):
                return derived
            if self.publications.write(derived, signing) == version + 1:
                return derived
            self.sleep(LABELS_SEEN_WITHIN)
        raise ConflictError("others keep changing the published JWKS; try again")

    def fits(self, current: StoredRing, prepared: KeyRing) -> bool:
        """Whether the JWKS has room for every step from one ring to the one derived from it."""
        successor = StoredRing("", prepared, 0)
        return _fit(self._derive(current, [successor], {}))

    def _derive(
        self, current: StoredRing, prepared: Sequence[StoredRing], before: Publication
    ) -> Publication:
        now = round(self.clock(), 3)
        previous = {key.kid for key in current.ring.keys if key.state is State.PREVIOUS}
        # What its successor does without gives way before the label moves: there may be no room
        # for both. A ring derived from another one knows nothing of these keys.
        dropped = {
            kid
            for stored in prepared
            if stored.ring.derived_from == current.version_id
            for kid in previous - {key.kid for key in stored.ring.keys}
        }
        rings = [stored.ring for stored in prepared]
        return derive(current.ring, rings, before, now, self.retain_after_signing, dropped=dropped)

    def _read(self) -> tuple[Publication, int, int]:
        """What is published, the parameter's version and the generation of its ring."""
        document, version = self.publications.read_document()
        try:
            return publication.loads(document), version, publication.generation(document)
        except PublicationError:
            # Written over by hand: it is derived anew, as if every key were published only now.
            log.exception("the JWKS parameter was unreadable and is written anew")
            return {}, version, 0


def _fit(published: Publication) -> bool:
    return publication.fits(key.jwk for key in published.values())
