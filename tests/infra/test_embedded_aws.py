"""The embedded AWS's part of the AWS provider, next to what the program asks for."""

from local.resources import MAKERS
from tests.infra.plan import Plan, record


def test_every_type_that_the_program_asks_for_can_be_made_and_no_other(
    default_plan: Plan, full_plan: Plan
) -> None:
    """One that nobody asks for is code that nothing runs; one that is missing ends `make local`."""
    plans = [default_plan, full_plan, record(snapStart=True), record(provisionedConcurrency=1)]
    asked_for = {r.type for plan in plans for r in plan.resources if r.custom}
    assert set(MAKERS) == asked_for
