"""Keeps the published JWKS in step with the rings, whoever else changes them meanwhile."""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from token_service.keys import publication
from token_service.keys.keyring import KeyRing, State
from token_service.keys.publication import Publication, PublishedKey
from token_service.keys.publication_store import PublicationStore
from token_service.keys.ring_store import ConflictError, KeyRingStore, StoredRing
from token_service.keys.seal import Claim, attached, is_in_place
from token_service.keys.seal_key import SealKey
from token_service.keys.standing import Standing, standing

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
class JwksPublisher:
    """Derives the publication from the rings under AWSCURRENT and AWSPENDING, and writes it.

    `retain_after_signing` is in seconds; `clock` tells epoch seconds, `sleep` waits for seconds.
    `legacy` are the `kid`s of former signers' keys, which the JWKS function adds. Without a
    `seal_key`, as in an environment of the release that had none, nothing is sealed and everything
    is believed.
    """

    rings: KeyRingStore
    publications: PublicationStore
    retain_after_signing: float
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    seal_key: SealKey | None
    legacy: frozenset[str] = frozenset()

    def published(self) -> Publication:
        """What is published; nothing, where what the parameter holds is not ours."""
        return self.look().believed

    def look(self) -> Standing:
        """What the parameter holds, and whether the JWKS function believes it."""
        open_seal = self.seal_key.open if self.seal_key else None
        return standing(self.publications.find(), open_seal, round(self.clock(), 3))

    def publish(
        self, *, prepared: StoredRing | None = None, finished: StoredRing | None = None
    ) -> Publication:
        """Derive the publication and write it, as `publish_in_use` does; returns it."""
        return self.publish_in_use(prepared=prepared, finished=finished)[1]

    def publish_in_use(
        self, *, prepared: StoredRing | None = None, finished: StoredRing | None = None
    ) -> tuple[KeyRing, Publication]:
        """Derive the publication and write it, if it is not what stands there.

        Returns the ring in use that it was derived from, and the publication.

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
            seen = self.look()
            current = self.rings.current()
            if finished is not None and current.version_id == finished.ring.derived_from:
                current = finished
            if current.ring.generation < seen.generation and attempt < ATTEMPTS - 1:
                self.sleep(0.5 * 2**attempt)
                continue
            pending = self.rings.pending()
            under_way = pending and pending.stored
            others = [ring for ring in (prepared, under_way) if ring]
            derived = self._derive(current, others, seen.believed)
            known = prepared or finished
            withdrawn = self.withdrawn([current.ring, *(ring.ring for ring in others)])
            if known is not None and known.ring.forced and not _fit(derived, withdrawn):
                # What else is seen as pending is superseded, by a label that readers see late.
                derived = self._derive(current, [prepared] if prepared else [], seen.believed)
            document = publication.dumps(derived, current.ring.generation, withdrawn)
            # As text: what was edited by hand and reads the same is written anew, too.
            if seen.problem is None and document == seen.document:
                return current.ring, derived
            if seen.problem is not None and not seen.is_untouched:
                log.error("the JWKS parameter is not as it was left: %s", seen.problem)
            self._log_foreign(seen.stands, [current, *others])
            if self._write(document, seen):
                return current.ring, derived
            self.sleep(LABELS_SEEN_WITHIN)
        raise ConflictError("others keep changing the published JWKS; try again")

    def _write(self, document: str, seen: Standing) -> bool:
        """Write the document in the place of what was seen; whether nobody else has meanwhile.

        A seal says which version its document has. Where others were quicker, it is sealed again at
        once: nobody would be served with it as it stands.
        """
        version = seen.version
        if seen.document is None:
            return self.publications.make(self._sealed(document, version + 1)) == version + 1
        for _ in range(ATTEMPTS):
            expected = version + 1
            version = self.publications.write(self._sealed(document, expected))
            if is_in_place(expected, version):
                break
        return version == seen.version + 1

    def _sealed(self, document: str, version: int) -> str:
        if self.seal_key is None:
            return document
        claim = Claim.of(document, version, self.clock())
        return attached(document, self.seal_key.close(claim.dumps()))

    def fits(self, current: StoredRing, prepared: KeyRing) -> bool:
        """Whether the JWKS has room for every step from one ring to the one derived from it."""
        successor = StoredRing("", prepared, 0)
        withdrawn = self.withdrawn([current.ring, prepared])
        return _fit(self._derive(current, [successor], {}), withdrawn)

    def withdrawn(self, rings: Iterable[KeyRing]) -> frozenset[str]:
        """Of former signers' keys, those that one of the rings has revoked.

        A key of ours may stand among them, in the configuration, and would come back with it.
        """
        return self.legacy.intersection(kid for ring in rings for kid in ring.revoked)

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

    def _log_foreign(self, stands: Publication, rings: Sequence[StoredRing]) -> None:
        known = {kid for each in rings for kid in (*each.ring.kids, *each.ring.revoked)}
        for kid in stands.keys() - known:
            log.warning(
                "the key %r was published and is of no ring, but of a change that came to nothing,"
                " or put there by somebody; it is taken out",
                kid,
            )


def _fit(published: Publication, withdrawn: Collection[str]) -> bool:
    return publication.fits((key.jwk for key in published.values()), withdrawn)
