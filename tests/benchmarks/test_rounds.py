"""Rounds of a benchmark on a machine that others use too."""

import pytest

from tests.benchmarks.rounds import Rounds, TooBusyError, best_of


class Machine:
    """Holds sessions of one round each; `quiet` says which of them nobody disturbs."""

    def __init__(self, *quiet: bool) -> None:
        self.quiet = quiet
        self.held = 0

    def session(self, rounds: Rounds) -> None:
        cpu = 2.0 - self.held / 100
        wall = cpu if self.quiet[self.held] else 2 * cpu
        rounds.add("ours", cpu, wall, 100)
        rounds.add("always quiet", 1.0, 1.0, 100)
        self.held += 1


def test_a_quiet_machine_holds_the_sessions_asked_for() -> None:
    machine = Machine(*[True] * 9)
    assert best_of(machine.session, 4, 9) == pytest.approx({"ours": 0.0197, "always quiet": 0.01})
    assert machine.held == 4


def test_rounds_go_on_until_each_contestant_has_three_undisturbed_ones() -> None:
    machine = Machine(False, True, False, False, True, False, True, True, True)
    assert best_of(machine.session, 3, 9)["ours"] == pytest.approx(0.0194)
    assert machine.held == 7


def test_a_disturbed_round_never_counts() -> None:
    machine = Machine(True, True, True, False, False)
    assert best_of(machine.session, 5, 5)["ours"] == pytest.approx(0.0198)


def test_a_machine_that_is_too_busy_ends_the_rounds_with_what_was_measured() -> None:
    machine = Machine(True, False, True, False, False)
    with pytest.raises(TooBusyError, match=r"fewer than 3 undisturbed .* of 5 for ours \(2\)") as e:
        best_of(machine.session, 2, 5)
    assert machine.held == 5
    assert e.value.measured == pytest.approx({"always quiet": 0.01})
