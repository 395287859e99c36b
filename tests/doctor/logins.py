"""Login tokens that are refused, and what doctor says of each."""

from typing import Any

from tests.doctor.server import as_json
from tests.doctor.verdicts import Refused, from_now
from tests.doctor.world import CLIENT, OTHER_KEY, World
from tests.loopback import Response


def _found(world: World, **claims: object) -> str:
    """A login token of the provider that is discovered."""
    issuer = f"{world.login.origin}/found"
    named: dict[str, Any] = {"iss": issuer, "token_use": "id", **claims}
    return world.login_token(**named)


def _signed_out(world: World) -> str:
    world.login.broken["/userinfo"] = lambda _: Response(401)
    return _found(world)


def _of_another_session(world: World) -> str:
    world.login.broken["/userinfo"] = lambda _: as_json({"sub": "bob"})
    return _found(world)


def _no_userinfo(world: World) -> str:
    world.login.broken["/userinfo"] = lambda _: Response(500)
    return _found(world)


def _provider_down(world: World) -> str:
    world.login.broken["/keys"] = lambda _: Response(503)
    return world.login_token()


def _issuer_with_slash(world: World) -> str:
    return world.login_token(iss=f"{world.login.origin}/first/")


LOGINS: dict[str, Refused] = {
    "an opaque login token": Refused(
        "login.verdict form: not three segments…",
        "it is opaque, no JWT",
        "send /token a signed JWT",
        lambda _: "2YotnFZFEjr1zCsicMWpAA",
    ),
    "a PowerSync token": Refused(
        "login.verdict issuer: its issuer …",
        "it is a PowerSync token of this stack, not a login token",
        "identityProviders[].issuer",
        lambda world: world.token(),
    ),
    "an issuer with a slash": Refused(
        "login.verdict issuer: its issuer …",
        "and differs by a slash at the end",
        "identityProviders[].issuer",
        _issuer_with_slash,
    ),
    "an issuer that is not configured": Refused(
        "login.verdict issuer: its issuer …",
        "the token's iss is https://elsewhere.test; configured: ",
        "identityProviders[].issuer",
        lambda world: world.login_token(iss="https://elsewhere.test"),
    ),
    "an expired login": Refused(
        "login.verdict times: first: expired … s ago",
        "it expired 10 min",
        "renew its login",
        lambda world: world.login_token(iat=from_now(-1200), exp=from_now(-600)),
    ),
    "a login from the future": Refused(
        "login.verdict times: first: iat is … s in the future",
        "it is good for",
        "set the clocks right",
        lambda world: world.login_token(iat=from_now(300), exp=from_now(900)),
    ),
    "a login for another application": Refused(
        "login.verdict purpose: first: aud is none of the configured audiences",
        f"the token has aud another-app; wanted: aud {CLIENT}",
        "audiences or clientIds",
        lambda world: world.login_token(aud="another-app"),
    ),
    "an access token where the ID token is wanted": Refused(
        "login.verdict purpose: found: token_use is not an accepted one",
        "token_use access; wanted: aud the-app, token_use id",
        "tokenUse",
        lambda world: _found(world, token_use="access"),
    ),
    "a key that the provider lacks": Refused(
        "login.verdict key: first: the identity provider has no key with this kid",
        "/token answers 401",
        "see the checks of this provider",
        lambda world: world.login_token(kid="gone"),
    ),
    "a signature by another key": Refused(
        "login.verdict signature: first: the signature is not by this key, …",
        "/token answers 401",
        "send the token as the login gave it",
        lambda world: world.login_token(OTHER_KEY),
    ),
    "the provider is down": Refused(
        "login.verdict key: first: … answered with status 503",
        "/token answers 503",
        "see that the provider is up",
        _provider_down,
    ),
    "a login without a subject": Refused(
        "login.verdict subject: first: …",
        "/token answers 401",
        "subjectClaim",
        lambda world: world.login_token(sub=None),
    ),
    "a scope is missing": Refused(
        "login.verdict scopes: … sync…",
        "its scopes are: openid",
        "requiredScopes",
        lambda world: world.login_token(scope="openid"),
    ),
    "a session that has ended": Refused(
        "login.verdict session: found: the session has ended: status 401",
        "/token answers 401",
        "sign in again",
        _signed_out,
    ),
    "a session of somebody else": Refused(
        "login.verdict session: found: the identity provider's answer is about another user",
        "/token answers 401",
        "sign in again",
        _of_another_session,
    ),
    "a session that cannot be looked up": Refused(
        "login.verdict session: found: the session check answered with status 500",
        "/token answers 503",
        "see that the provider is up",
        _no_userinfo,
    ),
    "a claim mapped to parameters that is no object": Refused(
        "login.verdict claims: PowerSync takes only an object as parameters; …",
        "/token answers",
        "map claims of the right type",
        lambda world: world.login_token(settings="dark"),
    ),
}
"""Login tokens, by what is the matter with them."""
