"""Faults of a stack: how each is made, and the line that doctor has for it.

A line is the check and what it saw, `…` standing for what differs from stack to stack. These are
also the lines of `docs/troubleshooting.md`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from operate.doctor.checks import Check
from tests.doctor import breaking
from tests.doctor.server import as_json
from tests.doctor.world import OTHER_KEY, World
from tests.identity.key_server import public_jwk
from tests.loopback import Response


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        line: What doctor says of it.
        cure: What is in the advice.
        break_it: Makes it.
        code: PowerSync's.
        hint: What is in the explanation.
    """

    line: str
    cure: str
    break_it: Callable[[World], object]
    code: str | None = None
    hint: str = ""


FAULTS: dict[str, Fault] = {
    # The JWKS.
    "nothing at jwks_uri": Fault(
        "jwks.reachable … refused",
        "see that the stack is up",
        breaking.nobody_at("jwks_uri"),
        "PSYNC_S2204",
    ),
    "jwks_uri has an IPv6 address only": Fault(
        "jwks.reachable … has an IPv6 address only",
        "A record",
        lambda world: world.outputs.update(jwks_uri="http://[::1]:9/jwks"),
        "PSYNC_S2202",
    ),
    "the JWKS answers 500": Fault(
        "jwks.reachable … answers 500",
        "make logs FUNCTION=jwks",
        breaking.jwks_is(lambda _: Response(500)),
        "PSYNC_S2204",
    ),
    "the JWKS answers 404": Fault(
        "jwks.reachable … answers 404",
        "compare jwks_uri with the stack's output",
        breaking.jwks_is(lambda _: Response(404)),
        "PSYNC_S2204",
    ),
    "the JWKS redirects": Fault(
        "jwks.reachable … answers 301, to …",
        "have jwks_uri at PowerSync be the address it redirects to",
        breaking.jwks_is(lambda _: Response(301, b"", {"Location": "https://elsewhere.test"})),
        "PSYNC_S2204",
    ),
    "the JWKS is slow": Fault(
        "jwks.speed … s; PowerSync waits 3 s",
        "a proxy, a firewall",
        breaking.slow_jwks,
        "PSYNC_S2204",
    ),
    "the JWKS is a page": Fault(
        "jwks.keys PowerSync cannot use the document: it is no JSON",
        "see what answers at jwks_uri",
        breaking.jwks_is(lambda _: Response(200, b"<html>")),
        "PSYNC_S2204",
    ),
    "the JWKS is a bare list": Fault(
        "jwks.keys PowerSync cannot use the document: it has no list of keys",
        "see what answers at jwks_uri",
        breaking.jwks_is(lambda _: as_json([])),
        "PSYNC_S2204",
    ),
    "a broken key in the JWKS": Fault(
        "jwks.keys PowerSync cannot use the document: the key … is not a valid EC key",
        "see what answers at jwks_uri",
        breaking.jwks_has(lambda keys: keys[0].update(x="AA")),
        "PSYNC_S2201",
    ),
    "a key without kid": Fault(
        "jwks.keys a key has no kid",
        "serve the stack's own document",
        breaking.jwks_has(lambda keys: keys[0].pop("kid")),
    ),
    "a private key in the JWKS": Fault(
        "jwks.keys a private key is published",
        "make revoke ALL=1",
        breaking.jwks_has(lambda keys: keys[0].update(d=keys[0]["x"])),
    ),
    "a key for an algorithm that PowerSync lacks": Fault(
        "jwks.keys the key … is for PS256",
        "set signingAlgorithm",
        breaking.jwks_has(lambda keys: keys[0].update(alg="PS256")),
        "PSYNC_S2101",
    ),
    "the JWKS lacks a key of the ring": Fault(
        "jwks.keys not served: …",
        "make rotate",
        breaking.jwks_has(lambda keys: keys.pop()),
        "PSYNC_S2101",
    ),
    "the JWKS of another stack": Fault(
        "jwks.keys not served: …",
        "see that jwks_uri is this stack's",
        breaking.jwks_is(
            lambda _: as_json(
                {"keys": [public_jwk(OTHER_KEY, kid="other", alg="ES256", use="sig")]}
            )
        ),
        "PSYNC_S2101",
    ),
    "a key that is not of the ring": Fault(
        "jwks.keys served, and not in the key ring: other",
        "make rotate",
        breaking.jwks_has(lambda keys: keys.append(breaking.OTHER_JWK)),
    ),
    "no key ring": Fault(
        "jwks.keys the key ring cannot be read: …",
        "restore-secret",
        breaking.no_key_ring,
    ),
    # The clocks.
    "this clock is 5 minutes ahead": Fault(
        "clock this machine is … s ahead of the service",
        "timedatectl",
        lambda world: setattr(world, "clock_off", 300),
        "PSYNC_S2103",
    ),
    "this clock is 5 minutes behind": Fault(
        "clock this machine is … s behind the service",
        "timedatectl",
        lambda world: setattr(world, "clock_off", -300),
        "PSYNC_S2103",
    ),
    # Tokens.
    "no route for anonymous tokens": Fault(
        "token.anonymous answers 404…",
        "deploy again",
        breaking.no_route,
    ),
    "the local user has another password": Fault(
        "token.user user@example.com cannot sign in: …",
        "start the stack afresh",
        breaking.wrong_password,
    ),
    "nothing at token_url": Fault(
        "token.user … refused",
        "see that the stack is up",
        breaking.nobody_at("token_url"),
    ),
    "powersyncUrl is not set": Fault(
        "token.user answers 503 not_configured: told",
        "pulumi config set powersyncUrl",
        breaking.token_endpoint(503, "not_configured"),
    ),
    "/token cannot reach what it needs": Fault(
        "token.user answers 503 temporarily_unavailable: told",
        "make logs FUNCTION=auth",
        breaking.token_endpoint(503, "temporarily_unavailable", Retry_After="10"),
    ),
    "/token is throttled": Fault(
        "token.user answers 429",
        "raise throttling",
        breaking.token_endpoint(429),
    ),
    "/token crashes": Fault(
        "token.user answers 500",
        "make logs FUNCTION=auth",
        breaking.token_endpoint(500),
    ),
    "/token refuses the user": Fault(
        "token.user answers 401 invalid_token: told",
        "make doctor LOGIN=-",
        breaking.token_endpoint(
            401, "invalid_token", WWW_Authenticate='Bearer error="invalid_token"'
        ),
    ),
    "/token gives tokens for another audience": Fault(
        'token.user given, and refused: audience: "https://elsewhere.test" instead of …',
        "have powersyncUrl be the instance's URL",
        breaking.gives(aud="https://elsewhere.test"),
        "PSYNC_S2105",
    ),
    "/token gives tokens that live too long": Fault(
        "token.user given, and refused: lifetime: it lives 90000 s, and may live 86400 s",
        "tokenLifetimeSeconds",
        breaking.gives(iat=int(time.time()), exp=int(time.time()) + 90_000),
        "PSYNC_S2104",
    ),
    # Identity providers.
    "a provider's keys answer 503": Fault(
        "provider.first.keys … answered with status 503",
        "see that the provider is up",
        breaking.login("/keys", lambda _: Response(503)),
    ),
    "a provider's discovery is not there": Fault(
        "provider.found.discovery … answered with status 404",
        "see that the provider is up",
        breaking.login(breaking.DISCOVERY, lambda _: Response(404)),
    ),
    "a provider's issuer has a slash": Fault(
        "provider.found.discovery it says …, and configured is …; they differ by a slash at the"
        " end",
        "set identityProviders[].issuer to what the document says",
        breaking.discovered_issuer(lambda issuer: f"{issuer}/"),
    ),
    "a provider is another": Fault(
        "provider.found.discovery it says https://elsewhere.test, and configured is …",
        "set identityProviders[].issuer to what the document says",
        breaking.discovered_issuer(lambda _: "https://elsewhere.test"),
    ),
    "a provider has no usable key": Fault(
        "provider.first.keys …: it holds no usable key; …; the key 'weak' is left out: an RSA key"
        " of 1024 bits",
        "have jwksUri be the provider's public keys",
        lambda world: world.weak_keys(),
    ),
    "a provider publishes a private key": Fault(
        "provider.first.keys …: it holds a symmetric or private key, so anybody can sign",
        "have jwksUri be the provider's public keys",
        lambda world: world.private_keys(),
    ),
    "a session endpoint is not there": Fault(
        "provider.found.session … answers 404 to what is no credential",
        "userinfoUri",
        breaking.login("/userinfo", lambda _: Response(404)),
    ),
    "a session endpoint believes everybody": Fault(
        "provider.found.session … answers 200 to what is no credential",
        "userinfoUri",
        breaking.login("/userinfo", lambda _: as_json({"sub": "alice"})),
    ),
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
"""By what is wrong; each shows in one check and no other."""


def line_of(check: Check) -> str:
    """What doctor prints first of a check."""
    return f"{check.id} {check.seen}"
