"""Each identity provider, asked as the function asks it."""

import logging
import threading
from collections.abc import Iterator
from typing import Self

from operate.doctor.asking import NoAnswerError, ask
from operate.doctor.checks import Check, failed, passed
from operate.doctor.differences import difference, shortened
from token_service.identity import provider_http, verification
from token_service.identity.provider_http import IdentityProviderUnavailableError
from token_service.identity.provider_keys import fetch_json
from token_service.identity.provider_settings import ProviderSettings
from token_service.identity.verification import UnusableKeyError, read_key_set

_MENDS = "see that the provider is up and that its address is right, in identityProviders[]"


def provider_checks(provider: ProviderSettings) -> Iterator[Check]:
    """Whether the provider's metadata, keys and session endpoint are what the function needs."""
    session = provider.check_session
    discovers_session = session is not None and session.uri is None
    document: dict[str, object] = {}
    if provider.jwks_uri is None or discovers_session:
        check, document = _discovery(provider)
        yield check
        if not check.ok:
            return
    yield _keys(provider, provider.jwks_uri or str(document.get("jwks_uri", "")))
    if session is not None:
        yield _session(
            provider, session.kind, session.uri or str(document.get("userinfo_endpoint", ""))
        )


def _discovery(provider: ProviderSettings) -> tuple[Check, dict[str, object]]:
    check = f"provider.{provider.name}.discovery"
    url = provider.issuer.removesuffix("/") + "/.well-known/openid-configuration"
    try:
        document = dict(fetch_json(url))
    except IdentityProviderUnavailableError as error:
        return failed(
            check, shortened(str(error)), "nobody of this provider gets a token (503)", _MENDS
        ), {}
    issuer = document.get("issuer")
    if issuer == provider.issuer:
        return passed(check, f"{url} is by {issuer}"), document
    differs = difference(issuer, provider.issuer) if isinstance(issuer, str) else None
    told = f"it says {shortened(issuer)}, and configured is {provider.issuer}"
    return failed(
        check,
        f"{told}; they differ by {differs}" if differs else told,
        "nobody of this provider gets a token: its document and its tokens name another issuer",
        "set identityProviders[].issuer to what the document says, character by character;"
        " pulumi up",
    ), {}


def _keys(provider: ProviderSettings, url: str) -> Check:
    check = f"provider.{provider.name}.keys"
    try:
        document = fetch_json(url)
    except IdentityProviderUnavailableError as error:
        return failed(
            check, shortened(str(error)), "nobody of this provider gets a token (503)", _MENDS
        )
    with _Listening(provider.name) as left_out:
        try:
            keys = read_key_set(document, provider.algorithms, provider.name, provider.issuer)
        except UnusableKeyError as error:
            return failed(
                check,
                "; ".join([f"{url}: {error}", *left_out.said]),
                "nobody of this provider gets a token",
                "have jwksUri be the provider's public keys, and algorithms those that it signs"
                " with",
            )
    return passed(check, "; ".join([f"{len(keys.all)} usable", *left_out.said]))


def _session(provider: ProviderSettings, kind: str, url: str) -> Check:
    """Asked with what is no credential: a refusal is the right answer."""
    check = f"provider.{provider.name}.session"
    headers = {"Authorization": "Bearer doctor"}
    if kind == "cognito":
        target = "AWSCognitoIdentityProviderService.GetUser"
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    try:
        answer = ask(
            url,
            headers,
            method="GET" if kind != "cognito" else "POST",
            time_limit=provider_http.TIME_LIMIT,
        )
    except NoAnswerError as error:
        return failed(
            check, f"{url}: {error}", "nobody of this provider gets a token (503)", _MENDS
        )
    if answer.status in (400, 401, 403):
        return passed(check, f"{url} refuses what is no credential ({answer.status})")
    return failed(
        check,
        f"{url} answers {answer.status} to what is no credential",
        "it cannot tell whether a session lives",
        "have checkSession.userinfoUri be the provider's userinfo endpoint; pulumi up",
    )


class _Listening(logging.Handler):
    """Hears, in this thread, why keys of one provider are left out; the log is not touched."""

    def __init__(self, provider: str) -> None:
        super().__init__(logging.INFO)
        self._provider = provider
        self._thread = threading.get_ident()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.said.append(record.getMessage().removeprefix(f"{self._provider}: "))

    def __enter__(self) -> Self:
        logger = logging.getLogger(verification.__name__)
        self._level = logger.level
        logger.setLevel(logging.INFO)
        logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logger = logging.getLogger(verification.__name__)
        logger.removeHandler(self)
        logger.setLevel(self._level)
