"""Faults of a stack: how each is made, and the line that doctor has for it.

A line is the check and what it saw, `…` standing for what differs from stack to stack. These are
also the lines of `docs/troubleshooting.md`.
"""

from operate.doctor.checks import Check
from tests.doctor.fault import Fault
from tests.doctor.faults_of_the_jwks import JWKS_FAULTS
from tests.doctor.faults_of_the_stack import STACK_FAULTS
from tests.doctor.faults_of_tokens import TOKEN_FAULTS

FAULTS: dict[str, Fault] = {**JWKS_FAULTS, **TOKEN_FAULTS, **STACK_FAULTS}
"""By what is wrong; each shows in one check and no other."""


def line_of(check: Check) -> str:
    """What doctor prints first of a check."""
    return f"{check.id} {check.seen}"
