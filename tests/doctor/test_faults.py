"""Doctor names what is wrong with a stack, and only that."""

import pytest

from tests.conftest import Figure
from tests.doctor.faults import FAULTS, line_of
from tests.doctor.lines import fits
from tests.doctor.world import World


def test_a_healthy_stack_passes_every_check(world: World) -> None:
    checks = world.examine()
    assert [check for check in checks if check.ok is not True] == []
    assert {"jwks.reachable", "jwks.speed", "jwks.keys", "clock", "token.anonymous"} | {
        *("token.user", "provider.first.keys", "provider.found.discovery"),
        *("provider.found.keys", "provider.found.session", "provider.user-pool.keys"),
        *("rotation.due", "rotation.last", "powersync.reachable", "powersync.accepts"),
        *("cors.https://app.example.com", "alarms.email", "alarms.state", "stack.current"),
    } == {check.id for check in checks}


@pytest.mark.parametrize("what", FAULTS)
def test_doctor_names_the_fault_and_only_it(what: str, world: World, figure: Figure) -> None:
    fault = FAULTS[what]
    fault.break_it(world)
    wrong = [check for check in world.examine() if check.ok is False]
    assert [check.id for check in wrong] == [fault.line.partition(" ")[0]], wrong
    (check,) = wrong
    assert fits(fault.line, line_of(check)), line_of(check)
    assert fault.cure in check.do
    assert fault.hint in check.means
    assert check.means
    assert check.code == fault.code
    figure("faults of a stack that doctor names, and only them", 1)
