"""A clock that tests may move."""

import time
from dataclasses import dataclass


@dataclass
class MovableClock:
    """The real time, moved ahead by `ahead` seconds."""

    ahead: float = 0

    def __call__(self) -> float:
        return time.time() + self.ahead
