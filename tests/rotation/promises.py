"""What verifiers were promised, and whether it is kept: judged by what AWS holds."""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from token_service.keys.keyring import KeyRing


@dataclass
class Counts:
    """What a run has covered."""

    rotations: int = 0
    revocations: int = 0
    verifications: int = 0
    crashes: int = 0


@dataclass
class Promises:
    """No valid token is refused, and no revoked key lives on.

    Attributes:
        clock: Tells epoch seconds.
        known_after: Seconds after its publication when every verifier knows a key, and after its
            removal when none does.
        transit: Seconds that an answer may be on its way.
        published_since: Since when each key stands in the JWKS.
        signed: Keys that sign or have signed.
        refusable_until: When verifiers know each key that a revocation forced into use.
        revoked_at: Since when each revoked key is out of the JWKS.
        forbidden: Keys that somebody wanted to revoke.
        in_doubt: Those of them whose revocation was stopped half way, or cannot be published.
        unpublished: Those revoked, and in the JWKS for want of SSM.
    """

    clock: Callable[[], float]
    known_after: float
    transit: float
    counts: Counts
    published_since: dict[str, float] = field(default_factory=dict)
    signed: set[str] = field(default_factory=set)
    refusable_until: dict[str, float] = field(default_factory=dict)
    revoked_at: dict[str, float] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    in_doubt: set[str] = field(default_factory=set)
    unpublished: set[str] = field(default_factory=set)

    def published(self, document: str, signing: str | None) -> None:
        """The JWKS was written, while the key `signing` signs, if there is one yet."""
        now = self.clock()
        kids = {key["kid"] for key in json.loads(document)["keys"]}
        for kid in (kids & self.signed) - self.published_since.keys():
            # It had to take over while nothing could be published.
            self.refusable_until[kid] = now + self.known_after + 2 * self.transit
        self.published_since = {kid: self.published_since.get(kid, now) for kid in kids}
        self.out_of_the_jwks(self.unpublished - kids)
        if signing is not None:
            # A key that a revocation forced into use can be overlooked for a moment by a rotation
            # that was just about to publish, until it sees that the parameter has been written.
            forced = now < self.refusable_until.get(signing, 0)
            assert signing in kids | self.forbidden or forced, "the key that signs left the JWKS"

    def signing(self, ring: KeyRing) -> None:
        """A ring came into use."""
        kid = ring.current.kid
        if kid in self.signed:
            return
        self.signed.add(kid)
        first = len(self.signed) == 1
        if not first and not ring.forced:  # a forced one: see `published`
            assert kid in self.published_since, "a key signs that is not in the JWKS"
        now = self.clock()
        known_at = self.published_since.get(kid, now) + self.known_after
        if ring.forced:
            self.refusable_until[kid] = known_at + 2 * self.transit
        elif not first:
            assert now >= known_at, "a key signs that a verifier may not know"
            self.counts.rotations += 1

    def revoking(self, kids: Collection[str]) -> None:
        """A revocation begins; one that fails in the middle leaves the keys in doubt."""
        self.in_doubt |= set(kids)
        self.forbidden |= set(kids)

    def revoked(self, kids: Collection[str], *, could_publish: bool) -> None:
        """A revocation has ended, after which all these keys are revoked."""
        left = set(kids) & self.published_since.keys()
        assert not left or not could_publish, "a revoked key is in the JWKS"
        self.in_doubt |= left
        self.unpublished |= left
        self.out_of_the_jwks(set(kids) - left)

    def out_of_the_jwks(self, kids: Collection[str]) -> None:
        """From here on verifiers forget these revoked keys."""
        self.in_doubt -= set(kids)
        self.unpublished -= set(kids)
        for kid in set(kids) - self.revoked_at.keys():
            self.revoked_at[kid] = self.clock()
            self.counts.revocations += 1

    def judge(self, kid: str, *, accepted: bool) -> None:
        """A verifier has judged a token by a key that has not expired."""
        now = self.clock()
        if kid in self.in_doubt:
            return
        if kid in self.revoked_at:
            last = self.revoked_at[kid] + self.known_after
            assert not accepted or now <= last + 2 * self.transit, "a revoked key lives on"
        elif not accepted:
            assert now < self.refusable_until.get(kid, 0), f"a valid token of {kid} is refused"
