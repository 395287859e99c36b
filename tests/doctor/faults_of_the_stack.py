"""Faults of what is around the endpoints: what runs by itself, PowerSync, what is deployed."""

from tests.doctor import breaking
from tests.doctor.fault import Fault
from tests.loopback import Response

STACK_FAULTS: dict[str, Fault] = {
    # What runs by itself.
    "a rotation is overdue": Fault(
        "rotation.due the key … has signed for 40 days, and keys rotate every 30",
        "make rotate",
        breaking.rotated_long_ago,
    ),
    "a rotation has not ended": Fault(
        "rotation.last a rotation began 10 min ago and has not ended",
        "make rotate finishes it",
        breaking.unfinished_rotation,
    ),
    "an alarm stands": Fault(
        "alarms.state in alarm: powersync-auth-local-api-failed",
        "make logs MINUTES=1440",
        breaking.alarm,
    ),
    "nobody is told of alarms": Fault(
        "alarms.email on-call@example.com is not subscribed",
        "pulumi up",
        breaking.unsubscribed,
    ),
    "the mail about alarms was not confirmed": Fault(
        "alarms.email on-call@example.com has not confirmed the subscription",
        "Subscription Confirmation",
        breaking.unconfirmed,
    ),
    # The PowerSync instance, and browsers.
    "PowerSync is down": Fault(
        "powersync.reachable … refused",
        "start the instance",
        breaking.powersync_elsewhere("http://127.0.0.1:9"),
    ),
    "PowerSync is not well": Fault(
        "powersync.reachable …/probes/liveness answers 500",
        "look at its log",
        breaking.powersync("/probes/liveness", lambda _: Response(500)),
    ),
    "PowerSync has another jwks_uri": Fault(
        "powersync.accepts a fresh token is refused: 401 PSYNC_S2101 …",
        "set client_auth.jwks_uri of the instance to http",
        breaking.powersync_with_other_keys,
        "PSYNC_S2101",
    ),
    "PowerSync has another audience": Fault(
        "powersync.accepts a fresh token is refused: 401 PSYNC_S2105 …",
        "have client_auth.audience of the instance be",
        lambda world: world.powersync_with(audience="https://elsewhere.test"),
        "PSYNC_S2105",
    ),
    "PowerSync cannot fetch the keys": Fault(
        "powersync.accepts a fresh token is refused: 401 PSYNC_S2204 …",
        "host.docker.internal",
        breaking.powersync_without_keys,
        "PSYNC_S2204",
    ),
    "PowerSync's clock is ahead": Fault(
        "powersync.accepts a fresh token is refused: 401 PSYNC_S2103 …",
        "set the clock of the machine that PowerSync runs on",
        breaking.powersync_ahead,
        "PSYNC_S2103",
    ),
    "PowerSync may not fetch from there": Fault(
        "powersync.accepts a fresh token is refused: 401 PSYNC_S2203 …",
        "give it a public jwks_uri",
        breaking.powersync(breaking.CHECKPOINT, breaking.refusing("PSYNC_S2203")),
        "PSYNC_S2203",
    ),
    "PowerSync fetches over IPv4 only": Fault(
        "powersync.accepts a fresh token is refused: 401 PSYNC_S2202 …",
        "A record",
        breaking.powersync(breaking.CHECKPOINT, breaking.refusing("PSYNC_S2202")),
        "PSYNC_S2202",
    ),
    "something else is at powersyncUrl": Fault(
        "powersync.accepts … answers 404, as no PowerSync Service does",
        "set powersyncUrl to the instance's URL",
        breaking.powersync(breaking.CHECKPOINT, lambda _: Response(404)),
    ),
    "an origin may not call": Fault(
        "cors.https://app.example.com the preflight answers …, and allows no origin",
        "pulumi up",
        breaking.other_cors,
    ),
    # What is deployed.
    "a setting was changed since": Fault(
        "stack.current differs from this checkout: …TOKEN_LIFETIME_SECONDS of auth…",
        "make local",
        lambda world: world.configure("tokenLifetimeSeconds", 600),
    ),
    "a function was changed by hand": Fault(
        "stack.current differs from this checkout: MemorySize of jwks is 3008, not 256",
        "make local",
        breaking.other_memory,
    ),
    "the configuration has a mistake": Fault(
        "stack.current this checkout cannot be deployed: …",
        "correct the configuration",
        lambda world: world.configure("tokenLifetimeSeconds", 5),
    ),
}
