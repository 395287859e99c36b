"""Lines of doctor's, in which `…` stands for what differs from stack to stack."""

import re


def fits(line: str, printed: str) -> bool:
    """Whether a printed line is the one that is written down."""
    pattern = ".*".join(re.escape(part) for part in line.split("…"))
    return re.fullmatch(pattern, printed, re.DOTALL) is not None
