"""What the log says of a refusal, and what the caller is told: the one is not the other."""

import json
import logging

import pytest
from starlette.responses import Response

from token_service.endpoints.responses import RESPONSES
from token_service.identity.credentials import InsufficientScopeError, InvalidCredentialError
from token_service.identity.provider_http import (
    IdentityProviderUnavailableError,
    MisconfiguredProviderError,
)

REFUSALS: dict[str, tuple[Exception, int, str, int]] = {
    "a missing scope": (
        InsufficientScopeError("sync admin", "acme"),
        403,
        "scope refused: acme: the credential lacks one of the scopes sync admin",
        logging.WARNING,
    ),
    "a credential": (
        InvalidCredentialError("acme: expired 5 s ago"),
        401,
        "credential refused: acme: expired 5 s ago",
        logging.WARNING,
    ),
    "a provider that is down": (
        IdentityProviderUnavailableError("acme: no answer", 7),
        503,
        "identity provider unavailable: acme: no answer",
        logging.ERROR,
    ),
    "a provider that is set up wrongly": (
        MisconfiguredProviderError("acme: its key set: it holds no usable key"),
        503,
        "identity provider set up wrongly: acme: its key set: it holds no usable key",
        logging.ERROR,
    ),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_every_refusal_is_logged_with_its_reason(
    what: str, caplog: pytest.LogCaptureFixture
) -> None:
    error, status, logged, level = REFUSALS[what]
    answer = respond(error)
    assert answer.status_code == status
    ((_, at, line),) = caplog.record_tuples
    assert (line, at) == (logged, level)
    assert "acme" not in bytes(answer.body).decode()


def test_an_outage_is_worth_trying_again_and_a_wrong_set_up_is_not_soon() -> None:
    outage = respond(IdentityProviderUnavailableError("x", 7))
    mistake = respond(MisconfiguredProviderError("x", 7))
    assert (outage.headers["retry-after"], mistake.headers["retry-after"]) == ("7", "300")
    errors = [json.loads(bytes(answer.body))["error"] for answer in (outage, mistake)]
    assert errors == ["temporarily_unavailable", "not_configured"]


def respond(error: Exception) -> Response:
    return RESPONSES[type(error)](error)
