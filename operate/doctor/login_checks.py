"""What `/token` makes of a login token: the function's own code, with its outcomes told."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from operate.doctor.checks import Check, Outcome, untold
from operate.doctor.differences import nearest, shortened
from operate.doctor.site import Site
from operate.errors import OperatorError
from operate.terminal import duration
from token_service.identity import credentials
from token_service.identity.provider_settings import ProviderSettings, read_providers
from token_service.identity.providers import (
    STEPS,
    IdentityProviders,
    IdentityProviderUnavailableError,
    InsufficientScopeError,
    InvalidCredentialError,
    UnusableClaimsError,
)
from token_service.settings import allow_nearby_http

_ANSWERS: Mapping[type[Exception], tuple[bool, str]] = {
    InvalidCredentialError: (False, "401 invalid_token"),
    InsufficientScopeError: (False, "403 insufficient_scope"),
    UnusableClaimsError: (False, "an error that names the claim"),
    IdentityProviderUnavailableError: (False, "503 with Retry-After"),
}
"""What a caller is answered."""

_DO = {
    "form": "send /token a signed JWT of your login: an ID token, or an access token that is one",
    "issuer": "have identityProviders[].issuer be the token's iss, letter by letter; pulumi up",
    "times": "have the client renew its login before it asks; else set the clocks right",
    "purpose": "add the token's to audiences or clientIds of identityProviders[],"
    " or send the other kind of token (tokenUse); pulumi up",
    "key": "see the checks of this provider in make doctor; its jwksUri may be another tenant's",
    "signature": "send the token as the login gave it; name its algorithm in"
    " identityProviders[].algorithms where they are given",
    "subject": "name a claim that is in the token in identityProviders[].subjectClaim; pulumi up",
    "scopes": "have the client ask its login for the scope, or take it out of requiredScopes",
    "session": "sign in again; see provider.*.session in make doctor",
    "claims": "map claims of the right type in identityProviders[].claims; pulumi up",
}
"""What mends a failure of each step."""

_UNREACHABLE = (
    "see that the provider is up, and that what it needs is open; make doctor looks at it"
)


def configured_providers(site: Site) -> tuple[list[Mapping[str, Any]], list[ProviderSettings]]:
    """The identity providers as deployed: as the function is told, and as it reads them.

    Raises `OperatorError`.
    """
    environment = site.environment("auth")
    items: list[Mapping[str, Any]] = json.loads(environment["IDENTITY_PROVIDERS"])
    local_too = allow_nearby_http(environment)
    try:
        return items, read_providers(
            items, own_issuer=environment["ISSUER"], allow_nearby_http=local_too
        )
    except ValueError as error:
        raise OperatorError(f"identityProviders, as deployed, cannot be used: {error}") from error


def login_verdict(site: Site, encoded: str) -> Check:
    """What the function says to a login token, step by step."""
    check = "login.verdict"
    try:
        items, settings = configured_providers(site)
        environment = site.environment("auth")
    except OperatorError as error:
        return untold(check, f"the function's settings cannot be read: {error}")
    providers = IdentityProviders.from_settings(
        items,
        own_issuer=environment["ISSUER"],
        clock=site.clock,
        allow_nearby_http=allow_nearby_http(environment),
    )
    reached: list[str] = []
    try:
        caller = providers.authenticate(encoded, reached.append)
    except tuple(_ANSWERS) as error:
        return _refused(site, encoded, error, reached, settings)
    steps = [Outcome(step, True, _seen(step, encoded, settings)) for step in STEPS]
    names = ", ".join(sorted(caller.claims)) or "none"
    seen = f"accepted: /token gives a token for {caller.subject}, with the claims: {names}"
    return Check(check, True, seen, steps=steps)


def _refused(
    site: Site,
    encoded: str,
    error: Exception,
    reached: Sequence[str],
    settings: Sequence[ProviderSettings],
) -> Check:
    step = STEPS[len(reached)]
    claims = _claims(encoded)
    reason = str(error)
    hint = _hint(step, encoded, claims, site, settings)
    steps = [Outcome(name, True, _seen(name, encoded, settings)) for name in reached]
    steps.append(Outcome(step, False, reason))
    steps += [Outcome(name, None, "not reached") for name in STEPS[len(steps) :]]
    answer = next(told for kind, (_, told) in _ANSWERS.items() if isinstance(error, kind))
    is_outage = isinstance(error, IdentityProviderUnavailableError)
    return Check(
        "login.verdict",
        False,
        f"{step}: {reason}",
        f"{hint}; /token answers {answer}" if hint else f"/token answers {answer}",
        _UNREACHABLE if is_outage else _DO[step],
        steps=steps,
    )


def _hint(
    step: str,
    encoded: str,
    claims: Mapping[str, Any],
    site: Site,
    settings: Sequence[ProviderSettings],
) -> str:
    """What the operator may know and the log does not say."""
    issuer = claims.get("iss")
    hint = ""
    match step:
        case "form" if encoded and "." not in encoded:
            hint = "it is opaque, no JWT: an access token or a session id"
        case "issuer" if issuer == site.outputs.get("issuer"):
            hint = "it is a PowerSync token of this stack, not a login token"
        case "issuer":
            hint = _nearest_issuer(issuer, [provider.issuer for provider in settings])
        case "purpose":
            hint = _purpose(claims, next(each for each in settings if each.issuer == issuer))
        case "times" if isinstance(claims.get("exp"), int | float):
            left = claims["exp"] - site.clock()
            expired = f"it expired {duration(-left)} ago"
            hint = expired if left < 0 else f"it is good for {duration(left)}"
        case "scopes":
            hint = f"its scopes are: {shortened(claims.get('scope', claims.get('scp', 'none')))}"
    return hint


def _nearest_issuer(issuer: object, configured: Sequence[str]) -> str:
    if not isinstance(issuer, str):
        return "the token has no issuer (iss)"
    near = nearest(issuer, configured)
    told = f"the token's iss is {shortened(issuer)}"
    if near is None:
        return f"{told}; configured: {', '.join(configured) or 'none'}"
    difference = f", and differs by {near[1]}" if near[1] else ""
    return f"{told}; the nearest configured is {near[0]}{difference}"


def _purpose(claims: Mapping[str, Any], provider: ProviderSettings) -> str:
    has = {
        name: claims[name]
        for name in ("aud", "client_id", "azp", "cid", "token_use")
        if name in claims
    }
    told = ", ".join(f"{name} {shortened(value)}" for name, value in has.items()) or "neither"
    uses = [use for use in provider.token_uses if use]
    wanted = [
        f"{what} {' or '.join(sorted(values))}"
        for what, values in (("aud", provider.audiences), ("client", provider.client_ids))
        if values
    ]
    if len(uses) == 1:
        wanted.append(f"token_use {uses[0]}")
    return f"the token has {told}; wanted: {', '.join(wanted)}"


def _seen(step: str, encoded: str, settings: Sequence[ProviderSettings]) -> str:
    """What was seen of a step that was passed."""
    claims = _claims(encoded)
    match step:
        case "issuer":
            name = next((each.name for each in settings if each.issuer == claims["iss"]), "")
            return f"{shortened(claims['iss'])}, the provider {name}"
        case "times":
            return f"{duration(claims['exp'] - time.time())} left"
        case "subject":
            return shortened(claims.get("sub", "from another claim"))
        case _:
            return "as it should be"


def _claims(encoded: str) -> Mapping[str, Any]:
    """The claims, for what is told about them; none, where the token has no such form."""
    try:
        return credentials.parse(encoded).claims
    except InvalidCredentialError:
        return {}
