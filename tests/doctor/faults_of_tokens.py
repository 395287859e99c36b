"""Faults of the endpoints for tokens, and of the identity providers whose logins they take."""

import time

from tests.doctor import breaking
from tests.doctor.fault import Fault
from tests.doctor.server import as_json
from tests.loopback import Response

TOKEN_FAULTS: dict[str, Fault] = {
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
}
