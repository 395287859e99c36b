"""PowerSync tokens that are refused, and what doctor says of each."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import jwt

from tests.doctor.world import World
from tests.identity.key_server import as_segment
from tests.loopback import Response


@dataclass(frozen=True)
class Refused:
    """One token that is refused.

    Attributes:
        line: What doctor says of it, `…` standing for what differs.
        hint: What it probably is.
        cure: What is in the advice.
        make: Makes it, and breaks what has to be broken.
        code: PowerSync's.
    """

    line: str
    hint: str
    cure: str
    make: Callable[[World], str]
    code: str | None = None


def from_now(seconds: int = 0) -> int:
    return int(time.time()) + seconds


def _tampered(world: World) -> str:
    header, _, signature = world.token().split(".")
    return f"{header}.{as_segment({'sub': 'mallory'})}.{signature}"


def _revoked(world: World) -> str:
    token = world.token({"kid": "gone"})
    world.status = lambda document: document.update(revoked={"gone": document["now"] - 60})
    return token


def _hs256(world: World) -> str:
    kid = jwt.get_unverified_header(world.token())["kid"]
    claims = {"iss": world.outputs["issuer"], "sub": "alice"}
    return jwt.encode(claims, "a secret that is long enough for HS256", "HS256", {"kid": kid})


def _slash(world: World) -> str:
    return world.token(aud=f"{world.outputs['audience'][0]}/")


def _without_keys(world: World) -> str:
    token = world.token()
    world.serve_instead("jwks_uri", lambda _: Response(502))
    return token


TOKENS: dict[str, Refused] = {
    "nothing": Refused(
        "token.verdict form: there is no token",
        "the client sends no token",
        "fetchCredentials()",
        lambda _: "",
        "PSYNC_S2106",
    ),
    "an opaque token": Refused(
        "token.verdict form: 1 segments instead of 3",
        "it is opaque",
        "/token",
        lambda _: "2YotnFZFEjr1zCsicMWpAA",
        "PSYNC_S2101",
    ),
    "Bearer before it": Refused(
        "token.verdict form: its header is no JSON object",
        "it has the word Bearer before it",
        "pass the token alone",
        lambda world: f"Bearer {world.token()}",
        "PSYNC_S2101",
    ),
    "the whole answer of /token": Refused(
        "token.verdict form: …",
        "it is JSON, or quoted",
        "pass the value of `token` alone",
        lambda world: f'{{"token": "{world.token()}"}}',
        "PSYNC_S2101",
    ),
    "an encrypted token": Refused(
        "token.verdict form: 5 segments instead of 3",
        "it is an encrypted token",
        "/token",
        lambda _: "a.b.c.d.e",
        "PSYNC_S2101",
    ),
    "an HS256 token": Refused(
        "token.verdict key algorithm: the token says HS256, its key ES256",
        "another algorithm than its key's",
        "send PowerSync the token that /token answers",
        _hs256,
        "PSYNC_S2101",
    ),
    "alg none": Refused(
        "token.verdict algorithm: none is none that PowerSync takes",
        "PowerSync takes RS256",
        "signingAlgorithm",
        lambda world: world.token({"alg": "none"}),
        "PSYNC_S2101",
    ),
    "a login token": Refused(
        "token.verdict key: no key with the kid login is published",
        "it is your login token, not a PowerSync token",
        "exchange it at /token first",
        lambda world: world.login_token(),
        "PSYNC_S2101",
    ),
    "a Supabase token": Refused(
        "token.verdict key: no key with the kid login is published",
        "it is a Supabase token",
        "exchange it at /token first",
        lambda world: world.login_token(iss="https://x.supabase.co/auth/v1", aud="authenticated"),
        "PSYNC_S2101",
    ),
    "a token of a stranger": Refused(
        "token.verdict key: no key with the kid login is published",
        "it is from https://elsewhere.test, not from this stack",
        "exchange it at /token first",
        lambda world: world.login_token(iss="https://elsewhere.test"),
        "PSYNC_S2101",
    ),
    "no kid": Refused(
        "token.verdict key: the token has no kid",
        "by a key that has left the JWKS",
        "have the client fetch a new token",
        lambda world: world.token({"kid": ""}),
        "PSYNC_S2101",
    ),
    "a key that has left": Refused(
        "token.verdict key: no key with the kid gone is published",
        "by a key that has left the JWKS",
        "have the client fetch a new token",
        lambda world: world.token({"kid": "gone"}),
        "PSYNC_S2101",
    ),
    "a revoked key": Refused(
        "token.verdict key: no key with the kid gone is published",
        "signed by a key that was revoked at 2",
        "have the client fetch a new token",
        _revoked,
        "PSYNC_S2101",
    ),
    "changed on its way": Refused(
        "token.verdict signature: it is not by the key with this kid",
        "the token was changed on its way",
        "byte for byte",
        _tampered,
        "PSYNC_S2101",
    ),
    "no sub": Refused(
        "token.verdict required claims: no sub",
        "PowerSync wants sub, iat and exp",
        "/token",
        lambda world: world.token(sub=None),
        "PSYNC_S2101",
    ),
    "expired": Refused(
        "token.verdict times: expired … s ago",
        "older than its lifetime",
        "fetchCredentials()",
        lambda world: world.token(iat=from_now(-900), exp=from_now(-600)),
        "PSYNC_S2103",
    ),
    "not valid yet": Refused(
        "token.verdict times: valid only in … s (nbf)",
        "cannot take this",
        "/token",
        lambda world: world.token(nbf=from_now(300)),
        "PSYNC_S2101",
    ),
    "more than a day": Refused(
        "token.verdict lifetime: it lives 90000 s, and may live 86400 s",
        "a day at most",
        "tokenLifetimeSeconds",
        lambda world: world.token(iat=from_now(), exp=from_now() + 90_000),
        "PSYNC_S2104",
    ),
    "an audience with a slash": Refused(
        'token.verdict audience: "http…/" instead of http…',
        "the audience differs by a slash at the end",
        "powersyncUrl",
        _slash,
        "PSYNC_S2105",
    ),
    "another audience": Refused(
        'token.verdict audience: "https://elsewhere.test" instead of …',
        "for another PowerSync instance",
        "client_auth.audience",
        lambda world: world.token(aud="https://elsewhere.test"),
        "PSYNC_S2105",
    ),
    "no audience": Refused(
        "token.verdict audience: no aud",
        "for another PowerSync instance",
        "powersyncUrl",
        lambda world: world.token(aud=None),
        "PSYNC_S2105",
    ),
    "parameters that are a text": Refused(
        "token.verdict parameters: parameters is a string, not an object",
        "sync rules read parameters as an object",
        "identityProviders[].claims",
        lambda world: world.token(parameters="x"),
        "PSYNC_S2101",
    ),
    "no keys to be had": Refused(
        "token.verdict key: PowerSync gets no keys from the JWKS URI: status 502",
        "PowerSync could not fetch the keys",
        "jwks_uri",
        _without_keys,
        "PSYNC_S2204",
    ),
}
"""PowerSync tokens, by what is the matter with them."""
