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
    signs will be needed for `retain_after_signing` seconds when it stops. A key of a ring that was
    edited by hand and has no public half any more is left out.
    """
    rings = (current, *prepared)
    gone = {kid for ring in rings for kid in ring.revoked} | set(dropped)
    states = {key.kid: key.state for key in current.keys}
    publication: dict[str, PublishedKey] = {}
    for key in (key for ring in rings for key in ring.keys):
        if key.kid in gone or key.kid in publication:
            continue
        jwk = key.publishable
        if jwk is None:
            log.error("the key %r of the ring has no public half, and is not published", key.kid)
            continue
        state = states.get(key.kid)
        seen = before.get(key.kid)
        if seen is None or seen.jwk != jwk:  # verifiers have seen another key by that name
            seen = PublishedKey(jwk, published_at=now)
        signing_since, stopped_at = seen.signing_since, seen.stopped_signing_at
        retained_for = seen.retained_for
        if state is State.CURRENT:
            signing_since = signing_since or now
            retained_for = max(retained_for, retain_after_signing)
        if state is State.PREVIOUS:
            stopped_at = stopped_at or now
        elif state is not None:
            stopped_at = None
        publication[key.kid] = PublishedKey(
            jwk=jwk,
            published_at=seen.published_at,
            signing_since=signing_since,
            stopped_signing_at=stopped_at,
            retained_for=retained_for,
        )
    return publication


@dataclass(frozen=True, slots=True)
class _Seen:
    """What stands in the parameter: its text, None where it was deleted, and what that says."""

    document: str | None
    published: Publication
    version: int
    generation: int


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
        return self._read().published

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
            seen = self._read()
            current = self.rings.current()
            if finished is not None and current.version_id == finished.ring.derived_from:
                current = finished
            if current.ring.generation < seen.generation and attempt < ATTEMPTS - 1:
                self.sleep(0.5 * 2**attempt)
                continue
            pending = self.rings.pending()
            others = [ring for ring in (prepared, pending and pending.stored) if ring]
            derived = self._derive(current, others, seen.published)
            known = prepared or finished
            if known is not None and known.ring.forced and not _fit(derived):
                # What else is seen as pending is superseded, by a label that readers see late.
                derived = self._derive(current, [prepared] if prepared else [], seen.published)
            signing = current.ring.generation
            # As text: what was edited by hand and reads the same is written anew, too.
            if publication.dumps(derived, signing) == seen.document:
                return derived
            self._log_foreign(seen.published, [current, *others])
            if self._write(derived, signing, seen) == seen.version + 1:
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

    def _read(self) -> _Seen:
        stored = self.publications.find_document()
        if stored is None:
            log.error("the JWKS parameter is not there; whoever publishes next makes it anew")
            return _Seen(None, {}, 0, 0)
        document, version = stored
        try:
            published = publication.loads(document, round(self.clock(), 3))
            return _Seen(document, published, version, publication.generation(document))
        except PublicationError:
            # Written over by hand: it is derived anew, as if every key were published only now.
            log.exception("the JWKS parameter was unreadable and is written anew")
            return _Seen(document, {}, version, 0)

    def _log_foreign(self, published: Publication, rings: Sequence[StoredRing]) -> None:
        known = {kid for each in rings for kid in (*each.ring.kids, *each.ring.revoked)}
        for kid in published.keys() - known:
            log.warning(
                "the key %r was published and is of no ring, but of a change that came to nothing,"
                " or put there by somebody; it is taken out",
                kid,
            )

    def _write(self, derived: Publication, generation: int, seen: _Seen) -> int | None:
        """The version written; None where somebody else has just made the parameter."""
        if seen.document is None:
            return self.publications.make(derived, generation)
        return self.publications.write(derived, generation)


def _fit(published: Publication) -> bool:
    return publication.fits(key.jwk for key in published.values())
