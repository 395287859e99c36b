"""The PowerSync instance at `powersyncUrl`, and browsers that ask the API."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from operate.doctor.asking import Answer, NoAnswerError, ask
from operate.doctor.checks import Check, failed, passed, untold
from operate.doctor.explanations import CODES
from operate.doctor.site import Site
from operate.doctor.token_checks import NoTokenError, anonymous_token, user_token
from operate.errors import OperatorError

UNCONNECTED = "http://127.0.0.1:8080"
"""What `Pulumi.local.yaml` has: it is told to clients, and there need be no PowerSync to begin."""

_LOGGED = "its own log has the keys it knows and the token's header and payload"


def powersync_checks(site: Site) -> Iterator[Check]:
    """Whether the instance answers, and takes a fresh token."""
    try:
        url = site.environment("auth")["POWERSYNC_URL"]
    except OperatorError as error:
        yield untold("powersync.reachable", f"powersyncUrl cannot be read: {error}")
        return
    if not url:
        yield failed(
            "powersync.reachable",
            "powersyncUrl is not set",
            "/token answers 503 not_configured",
            "pulumi config set powersyncUrl https://...; pulumi up",
        )
        return
    reachable = _reachable(site, url)
    yield reachable
    if reachable.ok is not True:
        yield untold("powersync.accepts", "not looked at: see powersync.reachable")
        return
    yield _accepts(site, url)


def _reachable(site: Site, url: str) -> Check:
    try:
        answer = ask(f"{url}/probes/liveness", time_limit=site.patience)
    except NoAnswerError as error:
        if site.stack.is_local and url == UNCONNECTED and not error.too_slow:
            return untold(
                "powersync.reachable",
                f"none at {url} yet, the local stack's default",
                "start a PowerSync Service with the output powersync_client_auth",
            )
        return failed(
            "powersync.reachable",
            f"{url}: {error}",
            "clients are sent there and cannot sync",
            "start the instance, or set powersyncUrl to where it is; pulumi up",
        )
    if answer.status >= 500:
        return failed(
            "powersync.reachable",
            f"{url}/probes/liveness answers {answer.status}",
            "the instance is not well",
            "look at its log",
        )
    return passed("powersync.reachable", f"{url} answers, after {answer.seconds * 1000:.0f} ms")


def _accepts(site: Site, url: str) -> Check:
    """By a GET that needs a token and changes nothing."""
    check = "powersync.accepts"
    try:
        encoded = fresh_token(site)
    except NoTokenError as error:
        return untold(check, f"not looked at: {error.check.id} gives no token")
    if encoded is None:
        return untold(check, "not looked at: no token without a user's login")
    headers = {"Authorization": f"Token {encoded}"}
    try:
        answer = ask(
            f"{url}/write-checkpoint2.json?client_id=doctor", headers, time_limit=site.patience
        )
    except NoAnswerError as error:
        return failed(check, str(error), "clients cannot sync", "look at the instance's log")
    if answer.status in (401, 403):
        return _refused(site, answer)
    if 300 <= answer.status < 400 or answer.status == 404:
        return failed(
            check,
            f"{url} answers {answer.status}, as no PowerSync Service does",
            "something else is at powersyncUrl, or a path of it is missing",
            "set powersyncUrl to the instance's URL; pulumi up",
        )
    return passed(check, f"a fresh token is taken ({answer.status})")


def _refused(site: Site, answer: Answer) -> Check:
    error = _error(answer)
    code = error.get("code") if isinstance(error.get("code"), str) else None
    said = str(error.get("description", ""))[:200]
    seen = f"a fresh token is refused: {answer.status} {code or ''} {said}".rstrip()
    uri, audiences = site.outputs["jwks_uri"], " or ".join(site.audiences)
    told = CODES.get(code or "")
    means, do = (told.means, told.do) if told else ("the instance refuses it", "look at its log")
    if code in ("PSYNC_S2101", "PSYNC_S2102"):
        means = f"the instance has other keys: its jwks_uri is not this stack's; {_LOGGED}"
        do = f"set client_auth.jwks_uri of the instance to {uri}, and restart it"
    elif code == "PSYNC_S2105":
        means = "the instance's audience is another"
        do = f"have client_auth.audience of the instance be {audiences}; in PowerSync Cloud it is"
        do += " the instance URL: set powersyncUrl to it"
    elif code == "PSYNC_S2103":
        means = "the instance's clock is ahead of the service's: a token as fresh has expired there"
        do = "set the clock of the machine that PowerSync runs on"
    elif code in ("PSYNC_S2201", "PSYNC_S2202", "PSYNC_S2203", "PSYNC_S2204"):
        do = f"{do} ({uri})"
    return failed("powersync.accepts", seen, means, do, code)


def _error(answer: Answer) -> Mapping[str, Any]:
    try:
        error = json.loads(answer.body)["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}


def fresh_token(site: Site) -> str | None:
    """A token that the stack gives; None where that takes a user's login. Raises `NoTokenError`."""
    if site.outputs.get("anonymous_token_url"):
        return anonymous_token(site)
    if site.stack.is_local and site.outputs["local"].get("username"):
        return user_token(site)
    return None


def cors_checks(site: Site, origins: Callable[[], list[str]]) -> Iterator[Check]:
    """A preflight as a browser sends it, for each of `corsOrigins`."""
    url, headers = site.reached("token_url")
    for origin in origins():
        check = f"cors.{origin}"
        asked = {
            **headers,
            "Origin": "https://any.example"
            if origin == "*"
            else origin.replace("*", "any.example"),
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        }
        try:
            answer = ask(url, asked, method="OPTIONS", time_limit=site.patience)
        except NoAnswerError as error:
            yield untold(check, f"not looked at: {error}")
            continue
        yield _preflight(check, asked["Origin"], answer)


def _preflight(check: str, origin: str, answer: Answer) -> Check:
    allowed = answer.headers.get("access-control-allow-origin")
    names = answer.headers.get("access-control-allow-headers", "").lower()
    if allowed in (origin, "*") and ("authorization" in names or names == "*"):
        return passed(check, f"may call ({answer.status})")
    return failed(
        check,
        f"the preflight answers {answer.status}, and allows {allowed or 'no origin'}",
        "browsers do not let pages of this origin ask for a token",
        "deploy what is configured: pulumi up; an origin has no path and no slash at its end",
    )
