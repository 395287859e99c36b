"""What a fault of a stack is: how it is made, and what doctor says of it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.doctor.world import World


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        line: What doctor says of it.
        cure: What is in the advice.
        break_it: Makes it.
        code: PowerSync's.
        hint: What is in the explanation.
    """

    line: str
    cure: str
    break_it: Callable[[World], object]
    code: str | None = None
    hint: str = ""
