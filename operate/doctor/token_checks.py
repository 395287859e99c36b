"""Tokens: whether the stack gives them, and what PowerSync makes of them."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from operate.doctor.asking import Answer, NoAnswerError, ask
from operate.doctor.checks import Check, Outcome, failed, passed, untold
from operate.doctor.explanations import explanation
from operate.doctor.jwks_checks import key_fault
from operate.doctor.near_misses import Known, near_miss, not_known_yet
from operate.doctor.powersync_rules import Verdict, judge
from operate.doctor.published_keys import KeySetError
from operate.doctor.site import Site
from operate.errors import OperatorError
from operate.key_ring import FunctionRefusedError
from operate.refusals import explained


class NoTokenError(Exception):
    """The stack gave no token; has the check that says why."""

    def __init__(self, check: Check) -> None:
        self.check = check
        super().__init__(check.seen)


def verdict_check(site: Site, encoded: str, check: str = "token.verdict") -> Check:
    """What PowerSync would say to a token, step by step."""
    try:
        keys = site.published()
    except NoAnswerError as error:
        keys = KeySetError("PSYNC_S2204", str(error))
    verdict = judge(encoded, keys, site.audiences, site.clock())
    known = _known(site)
    steps = [Outcome(step.name, step.ok, step.seen) for step in verdict.steps]
    if verdict.code is None:
        late = not_known_yet(verdict.header.get("kid"), known)
        seen = f"accepted: for {verdict.claims.get('sub')}, {_times(verdict)}"
        return Check(check, True, f"{seen}; {late}" if late else seen, steps=steps)
    step = verdict.failed
    assert step is not None
    told = explanation(verdict.code, step.name)
    near = near_miss(verdict, encoded, known)
    log = f" (PowerSync's log: {verdict.log})" if verdict.log else ""
    return Check(
        check,
        False,
        f"{step.name}: {step.seen}",
        (near.what if near else told.means) + log,
        (near.do if near else "") or told.do,
        verdict.code,
        steps,
    )


def anonymous_check(site: Site) -> Iterator[Check]:
    """Whether the stack gives anonymous tokens that PowerSync takes, where it should."""
    if not site.outputs.get("anonymous_token_url"):
        return
    yield _given(site, "token.anonymous", lambda: anonymous_token(site))


def user_check(site: Site) -> Iterator[Check]:
    """Whether a signed-in user gets a token that PowerSync takes.

    Only the local stack has a user whose password is known; of another it is looked at whether the
    endpoint answers.
    """
    if site.stack.is_local and site.outputs["local"].get("username"):
        yield _given(site, "token.user", lambda: user_token(site))
        return
    try:
        answer = _ask(site, "token_url", {}, "token.user")
        token_in(site, answer, "token.user")
    except NoTokenError as error:
        if answered_as_to_nobody(error.check):
            hint = "make doctor LOGIN=- has what it makes of a user's login token"
            yield untold("token.user", "answers, and wants a login, as it should", hint)
        else:
            yield error.check
    else:
        yield failed(
            "token.user",
            "it gives a token to a caller without a credential",
            "anybody is somebody's user",
            "deploy this checkout again: make deploy",
        )


_WANTS_LOGIN = "it wants a login"


def answered_as_to_nobody(check: Check) -> bool:
    """Whether the endpoint only asked for a credential."""
    return check.seen == _WANTS_LOGIN


def anonymous_token(site: Site) -> str:
    """An anonymous token; raises `NoTokenError`."""
    check = "token.anonymous"
    return site.token(
        check, lambda: token_in(site, _ask(site, "anonymous_token_url", {}, check), check)
    )


def user_token(site: Site) -> str:
    """A token for the local stack's user; raises `NoTokenError`."""
    check = "token.user"

    def fetch() -> str:
        headers = {"Authorization": f"Bearer {local_login(site)}"}
        return token_in(site, _ask(site, "token_url", headers, check), check)

    return site.token(check, fetch)


def local_login(site: Site) -> str:
    """The ID token of the local stack's user; raises `NoTokenError`."""
    local = site.outputs["local"]
    try:
        with explained("cognito-idp"):
            answer = site.client("cognito-idp").initiate_auth(
                ClientId=local["client_id"],
                AuthFlow="USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": local["username"], "PASSWORD": local["password"]},
            )
    except OperatorError as error:
        check = failed(
            "token.user",
            f"{local['username']} cannot sign in: {error}",
            "the user is gone, or has another password than .local/outputs.json says",
            "start the stack afresh: Ctrl-C, then make local",
        )
        raise NoTokenError(check) from error
    return str(answer["AuthenticationResult"]["IdToken"])


def token_in(site: Site, answer: Answer, check: str) -> str:
    """The token in an answer of /token; raises `NoTokenError` with what the answer means."""
    document = _object(answer.body)
    if answer.status == 200 and isinstance(document.get("token"), str):
        return str(document["token"])
    raise NoTokenError(_refusal(site, answer, document, check))


def _refusal(site: Site, answer: Answer, document: Mapping[str, Any], check: str) -> Check:
    function = "auth" if check == "token.user" else "auth-anonymous"
    stack = "" if site.stack.is_local else f" STACK={site.stack.name}"
    logs = f"make logs FUNCTION={function}{stack}"
    error, described = document.get("error"), document.get("error_description", "")
    seen = f"answers {answer.status}{f' {error}' if error else ''}: {described}".rstrip(": ")
    means, do = "the function failed", f"see why: {logs}"
    match answer.status:
        case 401 if not error and "www-authenticate" in answer.headers:
            seen, means = _WANTS_LOGIN, "no credential came"
        case 401 | 403:
            means = "the login token was refused"
            do = f"make doctor LOGIN=- has the step that failed; {logs} the reason"
        case 503 if error == "not_configured":
            means = "the stack does not know which PowerSync instance tokens are for"
            do = "pulumi config set powersyncUrl https://...; pulumi up"
        case 503:
            means = "the key ring or the identity provider is out of reach of the function"
            do = f"see which: {logs}"
        case 429:
            means, do = "API Gateway throttles this route", "raise throttling, or wait"
        case 404 | 405:
            means, do = "the API has no such route", f"deploy again: make deploy{stack}"
    return failed(check, seen, means, do)


def _given(site: Site, check: str, fetch: Callable[[], str]) -> Check:
    """Whether a token is given and passes; nothing is said twice where the keys are the fault."""
    blocked = _blocked(site)
    if blocked is not None:
        return untold(check, blocked)
    try:
        encoded = fetch()
    except NoTokenError as error:
        return error.check
    judged = verdict_check(site, encoded, check)
    if judged.ok:
        return passed(check, f"given, and {judged.seen}")
    refused = f"given, and refused: {judged.seen}"
    return failed(check, refused, judged.means, judged.do, judged.code)


def _blocked(site: Site) -> str | None:
    """Why no token can pass, which another check says."""
    try:
        current = site.ring().current
    except FunctionRefusedError:
        return "not looked at: the key ring cannot be read, see jwks.keys"
    except OperatorError:
        current = None  # Whoever may not ask about the ring can have a token all the same.
    try:
        keys = site.published()
    except NoAnswerError:
        return "not looked at: without a JWKS none passes, see jwks.reachable"
    if isinstance(keys, KeySetError) or key_fault(site, site.jwks()) is not None:
        return "not looked at: none passes by such keys, see jwks.keys"
    if current is not None and current not in {key.kid for key in keys}:
        return "not looked at: the key that signs is not served, see jwks.keys"
    return None


def _ask(site: Site, output: str, headers: Mapping[str, str], check: str) -> Answer:
    url, more = site.reached(output)
    try:
        return ask(url, {**more, **headers}, method="POST", time_limit=site.patience)
    except NoAnswerError as error:
        raise NoTokenError(
            failed(
                check,
                f"{site.outputs[output]}: {error}",
                "clients get no token",
                "see that the stack is up, and that this name leads to it",
            )
        ) from error


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _times(verdict: Verdict) -> str:
    return next(step.seen for step in verdict.steps if step.name == "times")


def _known(site: Site) -> Known:
    """What can be told of the stack; what cannot is left out, as only the explanation needs it."""
    revoked: Mapping[str, float] = {}
    keys: Any = ()
    issuers: list[str] = []
    cache = 3600.0
    try:
        status = site.ring()
        revoked, keys = status.document.get("revoked", {}), status.keys
        cache = float(site.environment("rotate")["VERIFIER_CACHE_SECONDS"])
        providers = json.loads(site.environment("auth")["IDENTITY_PROVIDERS"])
        issuers = [str(provider["issuer"]) for provider in providers]
    except OperatorError:
        pass  # Said by the checks that are about them.
    return Known(
        issuer=str(site.outputs.get("issuer", "")),
        audiences=site.audiences,
        login_issuers=issuers,
        revoked=revoked,
        keys=keys,
        verifier_cache=cache,
        now=site.clock(),
    )
