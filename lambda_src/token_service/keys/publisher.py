"""Keeps the published JWKS in step with the rings, whoever else changes them meanwhile."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from token_service import publication
from token_service.keyring import KeyRing
from token_service.publication import Publication, PublicationError
from token_service.stores import ConflictError, KeyRingStore, PublicationStore, StoredRing

log = logging.getLogger(__name__)

ATTEMPTS = 5
"""How often writing the publication starts again when others were quicker."""

LABELS_SEEN_WITHIN = 6.0
"""Seconds after which readers of the secret see where a label has moved."""


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
            rings = [stored.ring for stored in (prepared, seen) if stored is not None]
            derived = self._derive(current.ring, rings, before)
            signing = current.ring.generation
            if (derived, signing) == (before, generation):
                return derived
            if self.publications.write(derived, signing) == version + 1:
                return derived
            self.sleep(LABELS_SEEN_WITHIN)
        raise ConflictError("others keep changing the published JWKS; try again")

    def check_fits(self, current: KeyRing, prepared: KeyRing, before: Publication) -> None:
        """Raise `PublicationError` if both rings' keys, in place of `before`, are too many."""
        publication.dumps(self._derive(current, [prepared], before), prepared.generation)

    def _derive(
        self, current: KeyRing, prepared: Sequence[KeyRing], before: Publication
    ) -> Publication:
        now = round(self.clock(), 3)
        return publication.derive(current, prepared, before, now, self.retain_after_signing)

    def _read(self) -> tuple[Publication, int, int]:
        """What is published, the parameter's version and the generation of its ring."""
        document, version = self.publications.read_document()
        try:
            return publication.loads(document), version, publication.generation(document)
        except PublicationError:
            # Written over by hand: it is derived anew, as if every key were published only now.
            log.exception("the JWKS parameter was unreadable and is written anew")
            return {}, version, 0
