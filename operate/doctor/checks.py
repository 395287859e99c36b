"""What doctor says about one thing that it has looked at."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """One step of a verdict; `ok` is None where it was not reached."""

    name: str
    ok: bool | None
    seen: str


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report.

    Attributes:
        id: What was looked at, such as `jwks.keys`.
        ok: Whether it is right; None where that could not be told, or need not.
        seen: What was seen. Never a signature, a password or a credential.
        means: For a failure, what comes of it.
        do: For a failure, the command or setting that mends it.
        code: For a failure that PowerSync's users see, its code.
        steps: Of a verdict, how far it came.
    """

    id: str
    ok: bool | None
    seen: str
    means: str = ""
    do: str = ""
    code: str | None = None
    steps: Sequence[Outcome] = ()

    def document(self) -> dict[str, Any]:
        """As JSON; `steps` is there only where there are any."""
        document = asdict(self)
        if not self.steps:
            del document["steps"]
        return document


def passed(check: str, seen: str) -> Check:
    """It is as it should be."""
    return Check(check, True, seen)


def failed(check: str, seen: str, means: str, do: str, code: str | None = None) -> Check:
    """It is not, and this mends it."""
    return Check(check, False, seen, means, do, code)


def untold(check: str, seen: str, do: str = "") -> Check:
    """It could not be told, which is no failure."""
    return Check(check, None, seen, do=do)
