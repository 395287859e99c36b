"""How a function is had start anew: by one more variable in its environment.

Operators' commands set it, and the program leaves room for it. It needs no Pulumi, which they do
without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


def restarted(at: datetime) -> dict[str, str]:
    """The variable, with the reason as its value; as long as any other.

    Args:
        at: When the keys changed that the function is to forget, in UTC.
    """
    return {"RESTARTED_BECAUSE": f"its keys changed at {at:%Y-%m-%dT%H:%M:%SZ}"}
