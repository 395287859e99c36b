"""`make doctor` on a stack that is well, and on its command line."""

from tests.doctor.world import World


def test_a_healthy_stack_passes_every_check(world: World) -> None:
    checks = world.examine()
    assert [check for check in checks if check.ok is not True] == []
    for name in ("jwks.reachable", "jwks.speed", "jwks.keys", "clock", "token.anonymous"):
        assert name in {check.id for check in checks}
