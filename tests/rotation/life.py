"""Life as it goes: what may happen in a world, at random."""

from tests.rotation.world import (
    CLOCK_TOLERANCE,
    INSTANCES,
    JWKS_FUNCTIONS,
    REFUSALS,
    TOKEN_FUNCTIONS,
    World,
)


def live(world: World, rotations: int) -> None:
    """Events at random, until so many rotations have been made."""
    goal = world.counts.rotations + rotations
    while world.counts.rotations < goal:
        _one_thing(world)


def durations(world: World) -> tuple[float, ...]:
    """Seconds after which something changes, and a little less or more matters."""
    derived = world.derived
    return (
        derived.margin / 10,
        derived.jwks_cache,
        derived.jwks_max_age,
        derived.keyring_cache,
        world.verifier_cache / 12,
        world.verifier_cache,
        world.token_lifetime + CLOCK_TOLERANCE - 1,
        derived.publish_before_signing - world.verifier_cache / 20,
        derived.retain_after_signing,
    )


def _one_thing(world: World) -> None:
    chance = world.random.random()
    if chance < 0.35:
        world.wait(world.random.choice(durations(world)) * world.random.choice((0.5, 1, 1, 1.001)))
    elif chance < 0.6:
        world.issue(world.random.randrange(TOKEN_FUNCTIONS))
    elif chance < 0.85:
        world.verify(world.random.randrange(INSTANCES))
    elif chance < 0.86:
        functions = [f"token function {n}" for n in range(TOKEN_FUNCTIONS)]
        functions += [f"JWKS function {n}" for n in range(JWKS_FUNCTIONS)]
        world.isolate(world.random.choice(functions))
    elif chance < 0.87:
        world.reconnect()
    elif chance < 0.97:
        _try_to_rotate(world)
    else:
        try:
            world.rotation.retire()
        except REFUSALS:
            world.wait(3600)


def _try_to_rotate(world: World) -> None:
    """At the first moment possible, too early, or whenever; now and then something happens."""
    wait = world.rotation_possible_at() - world.now
    if wait > 0 and world.random.random() < 0.7:
        # Whoever was idle since just before the key was published asks just after it signs.
        world.wait(wait + 0.001)
    try:
        world.rotate(world.new_id())
    except REFUSALS:
        return
    for function in range(TOKEN_FUNCTIONS):
        world.issue(function)
    if world.random.random() < 0.7:
        world.verify(world.random.randrange(INSTANCES))
