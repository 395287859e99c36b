"""What the token endpoints answer: JSON that nobody may store; each error as the RFCs name it."""

import logging
from collections.abc import Callable, Mapping

from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response

from token_service.identity.credentials import (
    InsufficientScopeError,
    InvalidCredentialError,
    UnusableClaimsError,
)
from token_service.identity.provider_http import (
    MISCONFIGURED_WAIT,
    IdentityProviderUnavailableError,
    MisconfiguredProviderError,
)
from token_service.keys.kept import NothingKeptError
from token_service.keys.tokens import TokenTooLargeError

log = logging.getLogger(__name__)


class NoCredentialError(Exception):
    """The request carries no bearer credential at all (RFC 6750 §3.1)."""


class MalformedRequestError(Exception):
    """The request's credential is not one `Bearer` token (RFC 6750 §2.1)."""


class NotConfiguredError(Exception):
    """The deployment lacks a setting, named by the message."""


class _JsonResponse(Response):
    """JSON that nobody may store, with headers that need no looking for what is set already."""

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Set the headers that every answer has, and those of this one."""
        self.raw_headers = [
            (b"content-type", b"application/json"),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            (b"content-length", str(len(self.body)).encode()),
        ]
        for name, value in (headers or {}).items():
            self.raw_headers.append((name.lower().encode(), value.encode()))


def json_response(status: int, content: Mapping[str, object], **headers: str) -> Response:
    """A JSON response; the names of headers have underscores for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return _JsonResponse(to_json(content), status, named)


def _error(status: int, error: str, description: str, **headers: str) -> Response:
    """An error as RFC 6749 §5.2 and RFC 6750 §3.1 name it."""
    return json_response(status, {"error": error, "error_description": description}, **headers)


def _no_credential(_: Exception) -> Response:
    # RFC 6750 §3.1: no error code for a request that carries no authentication information.
    description = "sign in, and send your login credential as `Authorization: Bearer <token>`"
    return json_response(401, {"error_description": description}, WWW_Authenticate="Bearer")


def _malformed(_: Exception) -> Response:
    return _error(
        400,
        "invalid_request",
        "send exactly one credential, as `Authorization: Bearer <token>`",
        WWW_Authenticate='Bearer error="invalid_request"',
    )


def _invalid(error: Exception) -> Response:
    log.warning("credential refused: %s", error)
    return _error(
        401,
        "invalid_token",
        "the credential is not accepted; sign in again",
        WWW_Authenticate='Bearer error="invalid_token"',
    )


def _insufficient_scope(error: Exception) -> Response:
    log.warning("scope refused: %s", error)
    scope = error.scope if isinstance(error, InsufficientScopeError) else ""
    return _error(
        403,
        "insufficient_scope",
        f"the credential lacks the scope {scope}",
        WWW_Authenticate=f'Bearer error="insufficient_scope", scope="{scope}"',
    )


def _unusable_claims(error: Exception) -> Response:
    log.error("claims refused: %s", error)
    return _error(403, "invalid_claims", str(error))


def _not_configured(error: Exception) -> Response:
    return _error(503, "not_configured", str(error), Retry_After="60")


def _provider_unavailable(error: Exception) -> Response:
    log.error("identity provider unavailable: %s", error)
    retry_after = error.retry_after if isinstance(error, IdentityProviderUnavailableError) else 5
    return _error(
        503,
        "temporarily_unavailable",
        "the identity provider cannot be reached just now; try again",
        Retry_After=str(retry_after),
    )


def _provider_misconfigured(error: Exception) -> Response:
    log.error("identity provider set up wrongly: %s", error)
    return _error(
        503,
        "not_configured",
        "logins of this identity provider cannot be checked as it is set up: its operator, or this"
        " service's, has to change that",
        Retry_After=str(MISCONFIGURED_WAIT),
    )


def _ring_unavailable(error: Exception) -> Response:
    retry_after = error.retry_after if isinstance(error, NothingKeptError) else 5
    return _error(
        503,
        "temporarily_unavailable",
        "tokens cannot be signed just now; try again",
        Retry_After=str(retry_after),
    )


def _http_error(error: Exception) -> Response:
    """Starlette's own: unknown path, wrong method."""
    if not isinstance(error, HTTPException):
        return _internal(error)
    if error.status_code == 405:
        allowed = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
        return _error(405, "method_not_allowed", f"use {allowed}", Allow=allowed)
    return _error(404, "not_found", "there is nothing at this path")


def _internal(error: Exception) -> Response:
    log.error("unexpected error", exc_info=error)
    return _error(500, "server_error", "something went wrong here; try again")


RESPONSES: Mapping[type[Exception], Callable[[Exception], Response]] = {
    NoCredentialError: _no_credential,
    MalformedRequestError: _malformed,
    InvalidCredentialError: _invalid,
    InsufficientScopeError: _insufficient_scope,
    UnusableClaimsError: _unusable_claims,
    TokenTooLargeError: _unusable_claims,
    NotConfiguredError: _not_configured,
    MisconfiguredProviderError: _provider_misconfigured,
    IdentityProviderUnavailableError: _provider_unavailable,
    NothingKeptError: _ring_unavailable,
    HTTPException: _http_error,
    Exception: _internal,
}
"""The one place that maps what went wrong to an HTTP answer."""


def error_response(error: Exception) -> Response:
    """The answer to a request that ended with this error: that of its class, or the nearest one."""
    known = next(each for each in type(error).__mro__ if each in RESPONSES)
    return RESPONSES[known](error)
