"""Rounds in which every contestant takes its turn, and the best of them."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

UNDISTURBED = 0.97
"""The least part of real time that is CPU time while nobody else has the core."""
ENOUGH = 3
"""Undisturbed rounds of a contestant before its best one counts."""


class TooBusyError(Exception):
    """Others had the machine all the time.

    Attributes:
        measured: The best undisturbed round of those that had enough.
    """

    def __init__(self, message: str, measured: dict[str, float]) -> None:
        self.measured = measured
        super().__init__(message)


@dataclass
class Rounds:
    """What every round took, by contestant: seconds of CPU and of real time per answer."""

    taken: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, cpu: float, wall: float, count: int) -> None:
        """Keep a round of `count` answers that took so many seconds in all."""
        self.taken[name].append((cpu / count, wall / count))

    def lacking(self) -> dict[str, int]:
        """The contestants with too few undisturbed rounds, and how many they have."""
        found = {name: len(self._undisturbed(name)) for name in self.taken}
        return {name: count for name, count in found.items() if count < ENOUGH}

    def least(self) -> dict[str, float]:
        """Seconds of CPU of the best undisturbed round of each; raises `TooBusyError`."""
        lacking = self.lacking()
        best = {name: min(self._undisturbed(name)) for name in self.taken if name not in lacking}
        if lacking:
            names = ", ".join(f"{name} ({count})" for name, count in lacking.items())
            rounds = max(len(taken) for taken in self.taken.values())
            raise TooBusyError(
                f"this machine is too busy to measure: fewer than {ENOUGH} undisturbed rounds of"
                f" {rounds} for {names}; try again when less is running",
                best,
            )
        return best

    def _undisturbed(self, name: str) -> list[float]:
        return [cpu for cpu, wall in self.taken[name] if cpu >= UNDISTURBED * wall]


def best_of(session: Callable[[Rounds], None], sessions: int, most: int) -> dict[str, float]:
    """Seconds of CPU per answer, by contestant.

    Args:
        session: Adds rounds of every contestant.
        sessions: How often it is called.
        most: How often at most, as long as a contestant lacks undisturbed rounds.

    Raises:
        TooBusyError: One still does then.
    """
    rounds = Rounds()
    for held in range(most):
        if held >= sessions and not rounds.lacking():
            break
        session(rounds)
    return rounds.least()
