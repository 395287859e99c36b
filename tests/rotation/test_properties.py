"""Whatever happens in whatever order: no valid token is refused, no revoked key lives on."""

import logging
from collections.abc import Callable, Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.conftest import Figure
from tests.rotation.life import durations, live
from tests.rotation.promises import Counts
from tests.rotation.world import (
    INSTANCES,
    JWKS_FUNCTIONS,
    REFUSALS,
    TOKEN_FUNCTIONS,
    World,
)
from token_service.aws.aws_json import AwsError
from token_service.keys.keyring import SigningKey, UnknownKeyError
from token_service.keys.signer import Signer

DEPLOYMENTS = ((3600, 300), (3600, 86400), (1, 60), (60, 60), (300, 3600), (86400, 300))
"""Seconds: the longest cache of a verifier, and the lifetime of a token."""

ROTATIONS_A_LIFE = 1_700


@pytest.fixture(autouse=True)
def _keys_are_names_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def from_key(key: SigningKey) -> Signer:
        return Signer(key.kid, key.alg, lambda _: b"")

    monkeypatch.setattr(Signer, "from_key", staticmethod(from_key))
    logging.disable()  # outages are logged with their traces, thousands of times here
    yield
    logging.disable(logging.NOTSET)


def _report(figure: Figure, counts: Counts) -> None:
    figure("simulated rotations", counts.rotations)
    figure("simulated revocations", counts.revocations)
    figure("simulated verifications", counts.verifications)
    figure("simulated crashes", counts.crashes)


@pytest.mark.parametrize(("verifier_cache", "token_lifetime"), DEPLOYMENTS)
def test_no_valid_token_is_refused_in_years_of_rotations(
    verifier_cache: int, token_lifetime: int, figure: Figure
) -> None:
    world = World(Random(verifier_cache + token_lifetime), verifier_cache, token_lifetime)
    live(world, ROTATIONS_A_LIFE)
    _report(figure, world.counts)


class Life(RuleBasedStateMachine):
    """Deployments in which everything happens, as hypothesis makes it up."""

    counts = Counts()

    @initialize(deployment=st.sampled_from(DEPLOYMENTS), seed=st.integers(0, 2**32))
    def deploy(self, deployment: tuple[int, int], seed: int) -> None:
        self.world = World(Random(seed), *deployment, counts=self.counts)
        self.stuck: str | None = None

    @rule(duration=st.integers(0, 8), share=st.sampled_from((0.01, 0.5, 0.999, 1.0, 1.001)))
    def time_passes(self, duration: int, share: float) -> None:
        self.world.wait(durations(self.world)[duration] * share)

    @rule(function=st.integers(0, TOKEN_FUNCTIONS - 1))
    def a_token_is_issued(self, function: int) -> None:
        self.world.issue(function)

    @rule(instance=st.integers(0, INSTANCES - 1))
    def tokens_are_verified(self, instance: int) -> None:
        self.world.verify(instance)

    @rule(algorithm=st.sampled_from(("ES256", "EdDSA", "RS256")))
    def the_algorithm_is_changed(self, algorithm: str) -> None:
        self.world.algorithm = algorithm

    @rule(rotations=st.integers(1, 5))
    def months_pass(self, rotations: int) -> None:
        self._reconnected()
        self._no_change_under_way()
        live(self.world, rotations)

    @rule(pauses=st.lists(st.sampled_from((0.0, 60.0, 7200.0)), max_size=2), wait=st.booleans())
    def keys_are_rotated(self, pauses: list[float], wait: bool) -> None:
        if wait and not self.world.aws.unreachable:
            self.world.now = max(self.world.now, self.world.rotation_possible_at())
        self._attempt(lambda: self.world.rotate(self.world.new_id(), pauses))

    @rule(calls=st.integers(0, 32), wait=st.booleans())
    def a_rotation_is_stopped(self, calls: int, wait: bool) -> None:
        if wait and not self.world.aws.unreachable:
            self.world.now = max(self.world.now, self.world.rotation_possible_at())
        token = self.world.new_id()
        self._attempt(
            lambda: self.world.stopped_after(calls, lambda: self.world.rotate(token)), token
        )

    @precondition(lambda self: self.stuck is not None)
    @rule(calls=st.integers(10, 40))
    def a_stopped_rotation_is_resumed(self, calls: int) -> None:
        token = self.stuck
        assert token is not None
        self._attempt(
            lambda: self.world.stopped_after(calls, lambda: self.world.rotate(token)), token
        )

    @rule(calls=st.none() | st.integers(0, 25))
    def old_keys_are_retired(self, calls: int | None) -> None:
        if calls is None:
            self._attempt(self.world.rotation.retire)
        else:
            self._attempt(lambda: self.world.stopped_after(calls, self.world.rotation.retire))

    @rule(calls=st.none() | st.integers(0, 10))
    def what_is_due_is_published(self, calls: int | None) -> None:
        publish_due = self.world.rotation.publish_due
        if calls is None:
            self._attempt(publish_due)
        else:
            self._attempt(lambda: self.world.stopped_after(calls, publish_due))

    @rule(
        which=st.sampled_from(("current", "next", "oldest", "all")),
        calls=st.none() | st.integers(0, 20),
        watch=st.booleans(),
    )
    def keys_are_revoked(self, which: str, calls: int | None, watch: bool) -> None:
        world = self.world
        kids = self._kids(which)
        if calls is not None:
            self._attempt(lambda: world.stopped_after(calls, lambda: world.revoke(kids)))
        if self._attempt(lambda: world.revoke(kids)) and watch and not self._is_any_out_of_reach():
            world.check_busy_verifiers_refuse()

    @rule(
        which=st.sampled_from(("current", "next", "oldest", "all")),
        moment=st.integers(0, 30),
        rotation_first=st.booleans(),
    )
    def a_key_is_revoked_during_a_rotation(
        self, which: str, moment: int, rotation_first: bool
    ) -> None:
        world = self.world
        if world.aws.unreachable:
            return
        world.now = max(world.now, world.rotation_possible_at())
        kids, token = self._kids(which), world.new_id()

        def revoke() -> None:
            self._revoke(kids)

        def rotate() -> None:
            self._attempt(lambda: world.rotate(token))

        first, second = (rotate, revoke) if rotation_first else (revoke, rotate)
        self._interleave(first, second, moment)

    @rule(which=st.sampled_from(("current", "next", "oldest", "all")), moment=st.integers(0, 10))
    def keys_are_revoked_while_what_is_due_is_published(self, which: str, moment: int) -> None:
        if self.world.aws.unreachable:
            return
        kids = self._kids(which)

        def publish_due() -> None:
            self._attempt(self.world.rotation.publish_due)

        self._interleave(publish_due, lambda: self._revoke(kids), moment)

    @rule(
        which=st.tuples(*[st.sampled_from(("current", "next", "oldest", "all"))] * 2),
        retire=st.sampled_from(("first", "second", "neither")),
        moment=st.integers(0, 30),
    )
    def keys_are_revoked_during_another_change(
        self, which: tuple[str, str], retire: str, moment: int
    ) -> None:
        world = self.world
        if world.aws.unreachable:
            return
        one, other = (self._kids(each) for each in which)

        def retire_keys() -> None:
            self._attempt(world.rotation.retire)

        first = retire_keys if retire == "first" else lambda: self._revoke(one)
        second = retire_keys if retire == "second" else lambda: self._revoke(other)
        self._interleave(first, second, moment)

    def _revoke(self, kids: list[str] | None) -> None:
        self._attempt(lambda: self.world.revoke(kids))

    def _interleave(
        self, first: Callable[[], None], second: Callable[[], None], moment: int
    ) -> None:
        """The second change runs as a whole in the first one, or else after it."""
        self.world.intruder = second
        self.world.stopped_after(moment, first)
        if self.world.intruder is not None:
            self.world.intruder = None
            second()

    @rule(services=st.sampled_from((("ssm",), ("secretsmanager",), ("ssm", "secretsmanager"))))
    def aws_is_out_of_reach(self, services: tuple[str, ...]) -> None:
        for service in services:
            self.world.cut_off(service)

    @rule(function=st.integers(0, TOKEN_FUNCTIONS - 1))
    def a_token_function_is_isolated(self, function: int) -> None:
        self.world.isolate(f"token function {function}")

    @rule(function=st.integers(0, JWKS_FUNCTIONS - 1))
    def a_jwks_function_is_isolated(self, function: int) -> None:
        self.world.isolate(f"JWKS function {function}")

    @rule()
    def aws_is_back(self) -> None:
        self._reconnected()

    @invariant()
    def the_ring_is_sound(self) -> None:
        ring = self.world.in_use()  # raises where an invariant of the ring is broken
        assert (
            ring.next.kid not in self.world.promises.signed
            or ring.next.kid in self.world.promises.in_doubt
        )
        revoked = self.world.promises.revoked_at.keys() - self.world.promises.in_doubt
        assert not revoked & self.world.promises.published_since.keys(), (
            "a revoked key is in the JWKS"
        )

    def teardown(self) -> None:
        """Whatever has happened, life goes on."""
        if hasattr(self, "world"):
            self._reconnected()
            self._no_change_under_way()
            live(self.world, 1)
            self.world.rotation.retire()
            kids = {key.kid for key in self.world.in_use().keys}
            assert kids == set(self.world.promises.published_since), "ring and JWKS differ"

    def _is_any_out_of_reach(self) -> bool:
        return bool(self.world.aws.unreachable | self.world.isolated)

    def _kids(self, which: str) -> list[str] | None:
        ring = self.world.in_use()
        return {
            "current": [ring.current.kid],
            "next": [ring.next.kid],
            "oldest": [ring.keys[0].kid],
            "all": None,
        }[which]

    def _attempt(self, change: Callable[[], object], token: str | None = None) -> bool:
        """Whether a change was made; what stands in its way has to be one of its refusals."""
        try:
            stopped = change() is True
        except REFUSALS:
            self.stuck = None
            return False
        except UnknownKeyError:
            return False
        except AwsError:
            assert self.world.aws.unreachable
            stopped = True
        finally:
            # The next change may come when readers still see the labels as they were.
            self.world.wait(self.world.derived.margin / 4 * self.world.random.choice((0, 0.2, 1)))
        self.stuck = token if stopped else None
        return not stopped

    def _reconnected(self) -> None:
        self.world.reconnect()
        # Verifiers that got an error ask again within a minute.
        self.world.wait(self.world.verifier_cache / 60 + self.world.transit)

    def _no_change_under_way(self) -> None:
        """The daily clean-up, which comes after whatever was left has counted as abandoned."""
        self.world.wait(3601)
        try:
            self.world.rotation.retire()
        except REFUSALS:
            self.world.wait(self.world.derived.publish_before_signing)
            self.world.rotation.retire()
        self.world.wait(self.world.transit)


def test_no_valid_token_is_refused_whatever_happens(figure: Figure) -> None:
    Life.counts = Counts()
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=250,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    _report(figure, Life.counts)
