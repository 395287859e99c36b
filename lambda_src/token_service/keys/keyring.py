"""The signing keys and their life: pure functions of a ring and a time.

No clock, no AWS and no HTTP in here, and no randomness either: what makes a key is passed in.
All times are epoch seconds, all durations seconds.

A key is made as `next`, becomes `current` at a rotation, `previous` at the one after, and leaves
the ring once the last token it may have signed has expired. `docs/rotation.md` has the picture.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from token_service.keys.device_keys import device_secret
from token_service.keys.jwk import public_members
from token_service.keys.publication import Publication

MOST_RETIRED = 50
"""So many retired keys at most are remembered, and so many revoked ones before a retired one goes
for want of room."""


class State(StrEnum):
    """Where a key is in its life. Every state is published; only `current` signs."""

    NEXT = "next"
    CURRENT = "current"
    PREVIOUS = "previous"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key of the ring; `kid` is its RFC 7638 thumbprint."""

    kid: str
    alg: str
    state: State
    created_at: int
    private_jwk: Mapping[str, str] = field(repr=False)

    @property
    def public_jwk(self) -> dict[str, str]:
        """The public half: `kty` and the members that make up the public key."""
        return public_members(self.private_jwk)

    @property
    def published_jwk(self) -> dict[str, str]:
        """The public half as it is published (RFC 7517 §4); `ValueError` if there is none."""
        return {**self.public_jwk, "kid": self.kid, "alg": self.alg, "use": "sig"}

    @property
    def publishable(self) -> dict[str, str] | None:
        """The same; None for a key that was edited by hand and has no public half."""
        try:
            return self.published_jwk
        except ValueError:
            return None

    @property
    def device_secret(self) -> str | None:
        """What device tokens are authenticated with; None for a key without a private part."""
        try:
            return device_secret(self.private_jwk)
        except (ValueError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class RetiredKey:
    """What is left of a key that is no longer published: its public half and its device secret.

    It signs nothing and PowerSync cannot see it; it is kept so that an anonymous device that shows
    its old token keeps its subject. A key that a former release retired has no device secret.
    """

    kid: str
    alg: str
    public_jwk: Mapping[str, str]
    stopped_signing_at: float
    device_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Timings:
    """How long caches and tokens live, in seconds; the Pulumi program derives them."""

    publish_before_signing: int
    retain_after_signing: int
    remember_retired: int


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys at one moment.

    Attributes:
        keys: Exactly one `current`, one `next`, any number of `previous`.
        retired: Public keys kept for anonymous devices.
        revoked: When each revoked `kid` was revoked.
        generation: How many changes led to this ring: one that is read late is known by it.
        derived_from: The version of the secret that this ring replaces. Moving AWSCURRENT away
            from any other version is refused, so that two changes at once cannot undo each other.
        forced: This ring comes from a revocation: its current key signs however short it has
            been published.
    """

    keys: tuple[SigningKey, ...]
    retired: tuple[RetiredKey, ...] = ()
    revoked: Mapping[str, int] = field(default_factory=dict)
    generation: int = 1
    derived_from: str | None = None
    forced: bool = False

    @property
    def current(self) -> SigningKey:
        """The one key that signs."""
        return next(key for key in self.keys if key.state is State.CURRENT)

    @property
    def next(self) -> SigningKey:
        """The key that signs after the next rotation."""
        return next(key for key in self.keys if key.state is State.NEXT)

    @property
    def kids(self) -> frozenset[str]:
        """Of all keys that it has, retired ones among them."""
        return frozenset({key.kid for key in self.keys} | {key.kid for key in self.retired})

    def verification_keys(self) -> dict[str, tuple[str, Mapping[str, str]]]:
        """By `kid`, the algorithm and public JWK of each key that may have signed.

        Retired keys are among them, and the next one: where this ring is at hand a little longer
        than elsewhere, it is signing already. Revoked keys are not.
        """
        retired = {key.kid: (key.alg, key.public_jwk) for key in self.retired}
        return {**retired, **{key.kid: (key.alg, key.public_jwk) for key in self.keys}}


class KeyRingError(Exception):
    """A change of the ring that cannot be made, or a ring that breaks its invariants."""


class RotationTooEarlyError(KeyRingError):
    """The next key has not been published for long enough to sign."""

    def __init__(self, kid: str, possible_at: float, now: float) -> None:
        self.possible_at = math.ceil(possible_at)
        super().__init__(
            f"key {kid} must be published for longer before it signs, or PowerSync instances that"
            f" were idle would refuse its tokens; rotate again in {math.ceil(possible_at - now)} s"
            f" (at epoch second {self.possible_at}), or revoke the current key if it must go now"
        )


class NoRoomError(KeyRingError):
    """The JWKS has no room for another key until one has left; `possible_at` may be infinite."""

    def __init__(self, keys: int, possible_at: float, now: float) -> None:
        self.possible_at = possible_at
        wait = (
            f"; rotate again in {math.ceil(possible_at - now)} s (at epoch second"
            f" {math.ceil(possible_at)}), when enough of them have left"
            if math.isfinite(possible_at)
            else ""
        )
        super().__init__(
            f"{keys} keys do not fit into the published JWKS together{wait}. To rotate as often,"
            " use shorter-lived tokens or a smaller signingAlgorithm (ES256)"
        )


class UnknownKeyError(KeyRingError):
    """A key to be revoked is not in the ring."""


MakeKey = Callable[[], SigningKey]
"""Makes a fresh key in state `next`, of the configured algorithm."""


def bootstrap(make_key: MakeKey) -> KeyRing:
    """The first ring: a key that signs at once, since no token is out yet, and its successor."""
    return checked(KeyRing((replace(make_key(), state=State.CURRENT), make_key())))


def may_sign_at(kid: str, publication: Publication, now: float, timings: Timings) -> float:
    """When every verifier has seen the key; from `now` on if it is not published yet."""
    published = publication.get(kid)
    return (published.published_at if published else now) + timings.publish_before_signing


def leaves_at(kid: str, publication: Publication, timings: Timings) -> float | None:
    """When the last token that a key may have signed has expired; None while it may still sign."""
    published = publication.get(kid)
    if published is None or published.stopped_signing_at is None:
        return None
    # Its last tokens were given under the settings of then, or under today's.
    retained_for = max(published.retained_for, timings.retain_after_signing)
    return published.stopped_signing_at + retained_for


def rotate(
    ring: KeyRing, make_key: MakeKey, publication: Publication, now: float, timings: Timings
) -> KeyRing:
    """The ring after a rotation: `next` signs, `current` is kept as `previous`.

    Raises `RotationTooEarlyError` while a verifier may not have seen the next key yet.
    """
    possible_at = may_sign_at(ring.next.kid, publication, now, timings)
    if now < possible_at:
        raise RotationTooEarlyError(ring.next.kid, possible_at, now)
    become = {State.NEXT: State.CURRENT, State.CURRENT: State.PREVIOUS}
    moved = tuple(replace(key, state=become.get(key.state, key.state)) for key in ring.keys)
    return checked(replace(ring, keys=(*moved, make_key()), forced=False))


def retire(ring: KeyRing, publication: Publication, now: float, timings: Timings) -> KeyRing:
    """The ring without the previous keys whose last token has expired.

    Their public halves are kept for `remember_retired` seconds more, the latest `MOST_RETIRED`, and
    forgotten when another key is dropped: a write of the secret puts its next rotation off. The
    very same ring is returned if there is no key to drop.
    """
    gone: list[RetiredKey] = []
    kept: list[SigningKey] = []
    for key in ring.keys:
        leaves = leaves_at(key.kid, publication, timings)
        if key.state is State.PREVIOUS and leaves is not None and leaves <= now:
            stopped = publication[key.kid].stopped_signing_at or now
            gone.append(RetiredKey(key.kid, key.alg, key.public_jwk, stopped, key.device_secret))
        else:
            kept.append(key)
    if not gone:
        return ring
    remembered = tuple(
        key
        for key in (*ring.retired, *gone)
        if key.stopped_signing_at + timings.remember_retired > now
    )
    return checked(
        replace(ring, keys=tuple(kept), retired=remembered[-MOST_RETIRED:], forced=False)
    )


def without_oldest(ring: KeyRing) -> KeyRing | None:
    """The ring without its oldest previous key, whose tokens may still be about; None without one.

    For a revocation alone, which cannot wait for room.
    """
    oldest = next((key for key in ring.keys if key.state is State.PREVIOUS), None)
    if oldest is None:
        return None
    return checked(replace(ring, keys=tuple(key for key in ring.keys if key is not oldest)))


def revoke(
    ring: KeyRing,
    kids: Collection[str],
    make_key: MakeKey,
    now: int,
    *,
    legacy: Collection[str] = (),
) -> KeyRing:
    """The ring without `kids`, at once: `next` takes over from a revoked `current`.

    `legacy` are those of a former signer, which it has not and can revoke. Revoking a key again
    changes nothing. Raises `UnknownKeyError` for a key never seen.
    """
    known = ring.kids | ring.revoked.keys() | set(legacy)
    unknown = sorted(set(kids) - known)
    if unknown:
        raise UnknownKeyError(
            f"the key ring has no key {', '.join(unknown)}; it has"
            f" {', '.join(key.kid for key in ring.keys)}"
        )
    if set(kids) <= ring.revoked.keys():
        return ring
    keys = [key for key in ring.keys if key.kid not in kids]
    for state in (State.CURRENT, State.NEXT):
        if not any(key.state is state for key in keys):
            successor = next((key for key in keys if key.state is State.NEXT), None) or make_key()
            keys = [key for key in keys if key is not successor]
            keys.append(replace(successor, state=state))
    return checked(
        replace(
            ring,
            keys=tuple(keys),
            retired=tuple(key for key in ring.retired if key.kid not in kids),
            revoked={**dict.fromkeys(kids, now), **ring.revoked},
            forced=True,
        )
    )


def checked(ring: KeyRing) -> KeyRing:
    """The ring itself, if its invariants hold; raises `KeyRingError`."""
    states = [key.state for key in ring.keys]
    kids = ring.kids
    if states.count(State.CURRENT) != 1 or states.count(State.NEXT) != 1:
        raise KeyRingError("a key ring has exactly one current and one next key")
    if len(kids) != len(ring.keys) + len(ring.retired):
        raise KeyRingError("a kid stands twice in the key ring")
    if ring.revoked.keys() & kids:
        raise KeyRingError("a revoked key is still in the key ring")
    return ring
