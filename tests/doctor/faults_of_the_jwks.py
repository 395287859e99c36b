"""Faults of the JWKS, and of the clocks by which tokens are judged."""

from tests.doctor import breaking
from tests.doctor.fault import Fault
from tests.doctor.server import as_json
from tests.doctor.world import OTHER_KEY
from tests.identity.key_server import public_jwk
from tests.loopback import Response

JWKS_FAULTS: dict[str, Fault] = {
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
}
