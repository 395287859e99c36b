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

from powersync_auth.timings import Timings as Derived
from tests.rotation.aws_model import Aws, ModelClient
from tests.rotation.powersync import Instance
from tests.rotation.promises import Counts, Promises
from tests.rotation.watch import CrashError
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
from token_service.keys.publication_store import PublicationStore
from token_service.keys.publisher import JwksPublisher
from token_service.keys.ring_cache import RingCache
from token_service.keys.ring_store import CURRENT, ConflictError, KeyRingStore, NoKeyRingError
from token_service.keys.rotation import Rotation
from token_service.keys.seal import SealedReader
from token_service.keys.seal_key import SealKey
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
class World:
    """What happens in it has to keep the `promises`, at every publication and verification."""

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
        self.reachable_since: dict[str, float] = {}
        self.isolated: set[str] = set()
        self.tokens: list[Token] = []
        self.promises = Promises(
            lambda: self.now,
            self.verifier_cache + derived.jwks_max_age,
            self.transit,
            self.counts,
        )
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
        while not self.promises.published_since:  # as the deployment does until the JWKS is served
            try:
                self.rotation.bootstrap()
            except NoKeyRingError:
                self.now += 1

    def _reader(self, function: str) -> SealedReader:
        # Its seal key is its own: each remembers the last seal that it has made or opened.
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
        signing = self.in_use().current.kid if CURRENT in self.aws.labels else None
        self.promises.published(document, signing)

    def _signing(self, document: str) -> None:
        self.promises.signing(ring_document.loads(document))

    def in_use(self) -> KeyRing:
        """The ring under AWSCURRENT."""
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
        ring = self.in_use()
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
        self.promises.revoking(kids or [key.kid for key in self.in_use().keys])
        ring = self.rotation.revoke(kids)
        assert not ring.revoked.keys() & {key.kid for key in self.in_use().keys}, "it signs on"
        self.promises.revoked(ring.revoked.keys(), could_publish="ssm" not in self.aws.unreachable)

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
            self.promises.judge(kid, accepted=kid in kids)

    def _fetch(self) -> frozenset[str] | None:
        response = self.random.choice(self.jwks_functions)(FETCH, None)
        if response["statusCode"] != 200:
            assert self._no_jwks_expected(jwks.LONGEST_PAUSE), "no JWKS without an outage"
            return None
        return frozenset(key["kid"] for key in json.loads(str(response["body"]))["keys"])

    def check_busy_verifiers_refuse(self) -> None:
        """After a revocation, an instance in use refuses the key within minutes."""
        revoked_at = self.now
        revoked = set(self.promises.revoked_at)
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
