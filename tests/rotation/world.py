"""Everything that holds keys, in one simulated world: rings, caches, tokens and verifiers.

The key ring, its stores, the caches of the token functions and the JWKS endpoint are the real ones;
AWS is the model of `aws_model.py`, PowerSync that of `powersync.py`. Keys are names only: nothing
is signed.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from tests.rotation.account import CrashError
from tests.rotation.aws_model import Aws, ModelClient
from tests.rotation.powersync import Instance
from timings import Timings as Derived
from token_service.aws.aws_json import AwsUnreachableError
from token_service.endpoints import jwks
from token_service.endpoints.jwks import JWKS_PATH, JwksEndpoint
from token_service.keys import ring_cache, ring_document
from token_service.keys.change import RotationInProgressError
from token_service.keys.commands import POWERSYNC_REFRESH_SECONDS
from token_service.keys.kept import NothingKeptError
from token_service.keys.keyring import (
    KeyRing,
    NoRoomError,
    RotationTooEarlyError,
    SigningKey,
    State,
    Timings,
)
from token_service.keys.publisher import JwksPublisher
from token_service.keys.ring_cache import RingCache
from token_service.keys.rotation import Rotation
from token_service.keys.seal import SealedReader
from token_service.keys.seal_key import SealKey
from token_service.keys.stores import (
    CURRENT,
    ConflictError,
    KeyRingStore,
    NoKeyRingError,
    PublicationStore,
)
from token_service.settings import JwksSettings

Read = TypeVar("Read")

CLOCK_TOLERANCE = 60
TOKEN_FUNCTIONS = 3
JWKS_FUNCTIONS = 2
INSTANCES = 3

REFUSALS = (ConflictError, NoRoomError, RotationInProgressError, RotationTooEarlyError)
FETCH = {"rawPath": JWKS_PATH, "requestContext": {"http": {"method": "GET"}}, "headers": {}}


@dataclass(frozen=True)
class Token:
    """What matters of a token here; `expires_at` in epoch seconds."""

    kid: str
    expires_at: int


@dataclass
class Counts:
    """What a run has covered."""

    rotations: int = 0
    revocations: int = 0
    verifications: int = 0
    crashes: int = 0


@dataclass
class World:
    """Checks at every verification that no valid token is refused, and no revoked key lives on."""

    random: Random
    verifier_cache: int = 3600
    token_lifetime: int = 300
    counts: Counts = field(default_factory=Counts)
    algorithm: str = "ES256"
    size_of: Mapping[str, str] | None = None
    remember_retired: int = 0
    now: float = 1_800_000_000.0

    def __post_init__(self) -> None:
        derived = Derived.derive(self.verifier_cache, self.token_lifetime)
        self.derived = derived
        self.transit = derived.margin / 4
        self.aws = Aws(
            clock=lambda: self.now, take=self._call_takes, label_delay=min(5, derived.margin / 4)
        )
        self.aws.on_publication = self._published
        self.aws.on_current = self._signing
        self.made = 0
        self.calls_left: int | None = None
        self.intruder: Callable[[], None] | None = None
        self.published_since: dict[str, float] = {}
        self.signed: set[str] = set()
        self.refusable_until: dict[str, float] = {}
        self.revoked_at: dict[str, float] = {}
        self.in_doubt: set[str] = set()
        self.unpublished: set[str] = set()  # revoked, and in the JWKS for want of SSM
        self.reachable_since: dict[str, float] = {}
        self.isolated: set[str] = set()
        self.tokens: list[Token] = []
        self.forbidden: set[str] = set()
        self.rings = KeyRingStore(
            "arn:ring", ModelClient("secretsmanager", "secretsmanager", aws=self.aws)
        )
        self.publications = PublicationStore("/jwks", ModelClient("ssm", "AmazonSSM", aws=self.aws))
        self.seal_key = SealKey("key", "/jwks", ModelClient("kms", "TrentService", aws=self.aws))
        self.rotation = Rotation(
            rings=self.rings,
            publisher=JwksPublisher(
                self.rings,
                self.publications,
                derived.retain_after_signing,
                lambda: self.now,
                self.wait,
                self.seal_key,
            ),
            make_key=self._make_key,
            timings=Timings(
                publish_before_signing=derived.publish_before_signing,
                retain_after_signing=derived.retain_after_signing,
                remember_retired=self.remember_retired,
            ),
            clock=lambda: self.now,
            sleep=self.wait,
            new_id=self.new_id,
        )
        self.token_functions = [
            RingCache(
                self._reached("secretsmanager", f"token function {number}", self.rings.read),
                lambda: self.now,
                refresh_after=derived.keyring_cache,
                max_age=derived.keyring_max_age,
            )
            for number in range(TOKEN_FUNCTIONS)
        ]
        settings = JwksSettings("/jwks", derived.jwks_cache, derived.jwks_max_age, {})
        self.jwks_functions = [
            JwksEndpoint(
                settings,
                self._reader(f"JWKS function {number}"),
                lambda: self.now,
            )
            for number in range(JWKS_FUNCTIONS)
        ]
        self.instances = [Instance(self.verifier_cache) for _ in range(INSTANCES)]
        while not self.published_since:  # as the deployment does until the JWKS is served
            try:
                self.rotation.bootstrap()
            except NoKeyRingError:
                self.now += 1

    def _reader(self, function: str) -> SealedReader:
        key = ModelClient("kms", "TrentService", aws=self.aws)
        return SealedReader(
            self._reached("ssm", function, self.publications.read),
            SealKey("key", "/jwks", key).open,
        )

    # What AWS tells.

    def _call_takes(self) -> None:
        self.now += self.random.random() * self.derived.margin / 150
        if self.calls_left is not None:
            self.calls_left -= 1
            if self.calls_left < 0:
                if self.intruder is None:
                    raise CrashError
                intruder, self.intruder, self.calls_left = self.intruder, None, None
                intruder()

    def _published(self, document: str) -> None:
        kids = {key["kid"] for key in json.loads(document)["keys"]}
        for kid in (kids & self.signed) - self.published_since.keys():
            # It had to take over while nothing could be published.
            known_at = self.now + self.verifier_cache + self.derived.jwks_max_age
            self.refusable_until[kid] = known_at + 2 * self.transit
        self.published_since = {kid: self.published_since.get(kid, self.now) for kid in kids}
        self._out_of_the_jwks(self.unpublished - kids)
        if CURRENT in self.aws.labels:
            signing = self._in_use().current.kid
            # A key that a revocation forced into use can be overlooked for a moment by a rotation
            # that was just about to publish, until it sees that the parameter has been written.
            forced = self.now < self.refusable_until.get(signing, 0)
            assert signing in kids | self.forbidden or forced, "the key that signs left the JWKS"

    def _signing(self, document: str) -> None:
        ring = ring_document.loads(document)
        kid = ring.current.kid
        if kid in self.signed:
            return
        self.signed.add(kid)
        first = len(self.signed) == 1
        if not first and not ring.forced:  # a forced one: see `_published`
            assert kid in self.published_since, "a key signs that is not in the JWKS"
        published_since = self.published_since.get(kid, self.now)
        known_at = published_since + self.verifier_cache + self.derived.jwks_max_age
        if ring.forced:
            self.refusable_until[kid] = known_at + 2 * self.transit
        elif not first:
            assert self.now >= known_at, "a key signs that a verifier may not know"
            self.counts.rotations += 1

    def _in_use(self) -> KeyRing:
        value = self.aws.values[self.aws.labels[CURRENT]]
        assert value is not None
        return ring_document.loads(value)

    def _make_key(self) -> SigningKey:
        self.made += 1
        kid = f"key-{self.made}"
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": kid, "d": "private"}
        if self.size_of:  # as large as a real one
            jwk, kid = dict(self.size_of), f"key-{self.made:039}"
        return SigningKey(kid, self.algorithm, State.NEXT, int(self.now), jwk)

    def new_id(self) -> str:
        self.made += 1
        return f"version-{self.made}"

    # What happens in the world.

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def rotation_possible_at(self) -> float:
        ring = self._in_use()
        for key in json.loads(self.publications.read().text)["keys"]:
            if key["kid"] == ring.next.kid:
                return float(key["published_at"]) + self.derived.publish_before_signing
        return self.now + self.derived.publish_before_signing

    def rotate(self, token: str, pauses: Collection[float] = ()) -> None:
        """The steps of a rotation, with a pause after each of the first ones."""
        steps = (
            self.rotation.create_secret,
            self.rotation.set_secret,
            self.rotation.finish_secret,
        )
        for step, pause in zip(steps, [*pauses, 0, 0, 0], strict=False):
            step(token)
            self.wait(self.derived.margin / 4 + pause)

    def revoke(self, kids: list[str] | None) -> None:
        """Revoke, and remember since when; what fails in the middle leaves the keys in doubt."""
        concerned = set(kids or (key.kid for key in self._in_use().keys))
        self.in_doubt |= concerned
        self.forbidden |= concerned
        ring = self.rotation.revoke(kids)
        assert not ring.revoked.keys() & {key.kid for key in self._in_use().keys}, "it signs on"
        left = ring.revoked.keys() & self.published_since.keys()
        assert not left or "ssm" in self.aws.unreachable, "a revoked key is in the JWKS"
        self.in_doubt |= left
        self.unpublished |= left
        self._out_of_the_jwks(ring.revoked.keys() - left)

    def _out_of_the_jwks(self, kids: Collection[str]) -> None:
        """From here on verifiers forget these revoked keys."""
        self.in_doubt -= set(kids)
        self.unpublished -= set(kids)
        for kid in set(kids) - self.revoked_at.keys():
            self.revoked_at[kid] = self.now
            self.counts.revocations += 1

    def stopped_after(self, calls: int, change: Callable[[], object]) -> bool:
        """Run a change whose process ends after so many calls; whether it was stopped."""
        self.calls_left = calls
        try:
            change()
        except CrashError:
            self.counts.crashes += 1
            return True
        finally:
            self.calls_left = None
        return False

    def cut_off(self, service: str) -> None:
        """Nobody reaches it any more."""
        self.aws.unreachable.add(service)

    def isolate(self, function: str) -> None:
        """Only this function does not reach AWS any more, for as long as the world goes on."""
        self.isolated.add(function)

    def reconnect(self) -> None:
        for service in self.aws.unreachable | self.isolated:
            self.reachable_since[service] = self.now
        self.aws.unreachable.clear()
        self.isolated.clear()

    def _reached(self, service: str, function: str, read: Callable[[], Read]) -> Callable[[], Read]:
        """What a function reads from AWS, as long as it is not isolated."""

        def read_unless_isolated() -> Read:
            if function in self.isolated:
                raise AwsUnreachableError(service, "read", "TimeoutError", "")
            return read()

        return read_unless_isolated

    def issue(self, function: int) -> None:
        """A token function signs a token, if it has a ring that may."""
        try:
            kid = self.token_functions[function].get().signer.kid
        except NothingKeptError:
            name = f"token function {function}"
            pause = ring_cache.LONGEST_PAUSE
            out = self._was_unreachable("secretsmanager", pause)
            out = out or self._was_unreachable(name, pause)
            assert out, "no token without an outage"
            return
        self.tokens.append(Token(kid, int(self.now) + self.token_lifetime))

    def verify(self, instance: int) -> None:
        """An instance judges the tokens that have not expired, by the keys that signed them."""
        self.tokens = [t for t in self.tokens if self.now < t.expires_at + CLOCK_TOLERANCE]
        signed_by = {token.kid for token in self.tokens}
        if not signed_by:
            return
        kids = self.instances[instance].judge_by(
            self.now, self._fetch, self.random.random() * self.transit
        )
        if kids is None:
            pause = jwks.LONGEST_PAUSE + self.verifier_cache / 60
            assert self._no_jwks_expected(pause), "no JWKS without an outage"
            return
        for kid in signed_by:
            self.counts.verifications += 1
            self._judge(kid, kid in kids)

    def _fetch(self) -> frozenset[str] | None:
        response = self.random.choice(self.jwks_functions)(FETCH, None)
        if response["statusCode"] != 200:
            assert self._no_jwks_expected(jwks.LONGEST_PAUSE), "no JWKS without an outage"
            return None
        return frozenset(key["kid"] for key in json.loads(str(response["body"]))["keys"])

    def _judge(self, kid: str, accepted: bool) -> None:
        if kid in self.in_doubt:
            return
        if kid in self.revoked_at:
            last = self.revoked_at[kid] + self.derived.jwks_max_age + self.verifier_cache
            assert not accepted or self.now <= last + 2 * self.transit, "a revoked key lives on"
        elif not accepted:
            assert self.now < self.refusable_until.get(kid, 0), f"a valid token of {kid} is refused"

    def check_busy_verifiers_refuse(self) -> None:
        """After a revocation, an instance in use refuses the key within minutes."""
        revoked_at = self.now
        revoked = set(self.revoked_at)
        pause = self.verifier_cache / 120
        bound = self.derived.jwks_max_age + min(POWERSYNC_REFRESH_SECONDS, self.verifier_cache)
        busy = self.instances[0]
        while self.now < revoked_at + bound + 2 * pause + 2 * self.transit:
            judged_by = busy.judge_by(self.now, self._fetch, 0)
            self.counts.verifications += 1
            self.wait(pause)
        assert judged_by is not None
        assert not revoked & judged_by, "a busy verifier still accepts a revoked key"

    def _was_unreachable(self, service: str, within: float) -> bool:
        since = self.reachable_since.get(service, float("-inf"))
        cut_off = service in self.aws.unreachable | self.isolated
        return cut_off or self.now <= since + within + 2 * self.transit

    def _no_jwks_expected(self, within: float) -> bool:
        functions = [f"JWKS function {number}" for number in range(JWKS_FUNCTIONS)]
        return any(self._was_unreachable(name, within) for name in ("ssm", *functions))

    # Life as it goes.

    def live(self, rotations: int) -> None:
        """Events at random, until so many rotations have been made."""
        goal = self.counts.rotations + rotations
        while self.counts.rotations < goal:
            self._one_thing()

    def _one_thing(self) -> None:
        chance = self.random.random()
        if chance < 0.35:
            self.wait(
                self.random.choice(self._durations()) * self.random.choice((0.5, 1, 1, 1.001))
            )
        elif chance < 0.6:
            self.issue(self.random.randrange(TOKEN_FUNCTIONS))
        elif chance < 0.85:
            self.verify(self.random.randrange(INSTANCES))
        elif chance < 0.86:
            functions = [f"token function {n}" for n in range(TOKEN_FUNCTIONS)]
            functions += [f"JWKS function {n}" for n in range(JWKS_FUNCTIONS)]
            self.isolate(self.random.choice(functions))
        elif chance < 0.87:
            self.reconnect()
        elif chance < 0.97:
            self._try_to_rotate()
        else:
            try:
                self.rotation.retire()
            except REFUSALS:
                self.wait(3600)

    def _try_to_rotate(self) -> None:
        """At the first moment possible, too early, or whenever; now and then something happens."""
        wait = self.rotation_possible_at() - self.now
        if wait > 0 and self.random.random() < 0.7:
            # Whoever was idle since just before the key was published asks just after it signs.
            self.wait(wait + 0.001)
        try:
            self.rotate(self.new_id())
        except REFUSALS:
            return
        for function in range(TOKEN_FUNCTIONS):
            self.issue(function)
        if self.random.random() < 0.7:
            self.verify(self.random.randrange(INSTANCES))

    def _durations(self) -> tuple[float, ...]:
        derived = self.derived
        return (
            derived.margin / 10,
            derived.jwks_cache,
            derived.jwks_max_age,
            derived.keyring_cache,
            self.verifier_cache / 12,
            self.verifier_cache,
            self.token_lifetime + CLOCK_TOLERANCE - 1,
            derived.publish_before_signing - self.verifier_cache / 20,
            derived.retain_after_signing,
        )
