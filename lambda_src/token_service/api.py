"""The token endpoints over HTTP: requests in, tokens or errors out.

Routes are `async def` although nothing in them awaits: a Lambda container has one request at a
time, and a plain `def` would send each through a thread pool.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from token_service import ring_cache
from token_service.anonymous import AnonymousSubjects
from token_service.credentials import (
    InsufficientScopeError,
    InvalidCredentialError,
    UnusableClaimsError,
)
from token_service.provider_http import IdentityProviderUnavailableError
from token_service.ring_cache import KeyRingUnavailableError, RingCache
from token_service.tokens import Token, TokenIssuer, TokenTooLargeError

if TYPE_CHECKING:
    # The function that gives anonymous tokens does without it.
    from token_service.identity import IdentityProviders

log = logging.getLogger(__name__)

AUTHENTICATED = "authenticated"
ANONYMOUS = "anonymous"


class NoCredentialError(Exception):
    """The request carries no bearer credential at all (RFC 6750 §3.1)."""


class MalformedRequestError(Exception):
    """The request's credential is not one `Bearer` token (RFC 6750 §2.1)."""


class NotConfiguredError(Exception):
    """The deployment lacks a setting, named by the message."""


@dataclass(frozen=True, slots=True)
class TokenService:
    """What the endpoints work with."""

    issuer: TokenIssuer
    powersync_url: str
    rings: RingCache
    anonymous: AnonymousSubjects
    clock: Callable[[], float]

    def issue(self, subject: str, role: str, claims: Mapping[str, object]) -> Response:
        """The answer with a token for `subject`."""
        token = self.issuer.issue(
            self.rings.get().signer,
            subject=subject,
            role=role,
            now=self.clock(),
            claims=claims,
        )
        return self._answer(token)

    def check_configured(self) -> None:
        """Raises `NotConfiguredError` before a credential is even looked at."""
        if not self.powersync_url:
            raise NotConfiguredError(
                "this deployment does not know its PowerSync instance yet: run"
                " `pulumi config set powersyncUrl https://…` and `pulumi up`"
            )

    def _answer(self, token: Token) -> Response:
        return _json(
            200,
            {
                "token": token.encoded,
                "powersync_url": self.powersync_url,
                "endpoint": self.powersync_url,
                "expiresAt": token.expires_at,
                "userId": token.subject,
            },
        )


def signed_in_app(service: TokenService, providers: "IdentityProviders") -> FastAPI:
    """`GET`/`POST /token`: a PowerSync token for whoever the bearer credential says is calling."""
    app = _app()

    @app.api_route("/token", methods=["GET", "POST"], response_class=Response)
    async def token(request: Request) -> Response:
        service.check_configured()
        caller = providers.authenticate(_bearer(request))
        claims = dict(caller.claims)
        presented = request.headers.get("x-anonymous-token")
        if presented is not None:
            former = service.anonymous.former_subject(
                presented, service.rings.get().verification_keys
            )
            if former is not None:
                claims["previous_sub"] = former
        return service.issue(caller.subject, AUTHENTICATED, claims)

    return app


def anonymous_app(service: TokenService) -> FastAPI:
    """`GET`/`POST /token/anonymous`: a token for anybody."""
    app = _app()

    @app.api_route("/token/anonymous", methods=["GET", "POST"], response_class=Response)
    async def anonymous_token(request: Request) -> Response:
        service.check_configured()
        subject = service.anonymous.subject_for(
            request.headers.get("x-anonymous-token"), service.rings.get().verification_keys
        )
        return service.issue(subject, ANONYMOUS, {})

    return app


def _bearer(request: Request) -> str:
    """The one bearer token of the request (RFC 6750 §2.1).

    API Gateway joins headers of one name with a comma, and no bearer token has one; so whatever has
    a comma is taken for several values, of which none counts. Raises `MalformedRequestError` for
    them, and `NoCredentialError` for none or one of another scheme.
    """
    values = request.headers.getlist("authorization")
    if not values:
        raise NoCredentialError
    if len(values) > 1 or "," in values[0]:
        raise MalformedRequestError
    scheme, _, credential = values[0].partition(" ")
    if scheme.lower() != "bearer":
        raise NoCredentialError
    if not credential or " " in credential:
        raise MalformedRequestError
    return credential


class _DirectRoute(APIRoute):
    """A route whose endpoint takes the request and makes the response by itself.

    FastAPI's way of resolving parameters, and its clean-up after them, would cost as much as
    signing the token.
    """

    def __init__(
        self, path: str, endpoint: Callable[[Request], Awaitable[Response]], **options: Any
    ) -> None:
        super().__init__(path, endpoint, **options)

        async def respond(scope: Scope, receive: Receive, send: Send) -> None:
            response = await endpoint(Request(scope, receive, send))
            await response(scope, receive, send)

        self.app = respond


def _app() -> FastAPI:
    app = FastAPI(
        title="PowerSync tokens",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        # Asked anew at each request otherwise.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.router.route_class = _DirectRoute
    # FastAPI's own stack would add what only its dependencies and its debug mode need.
    app.middleware_stack = ExceptionMiddleware(
        app.router, {exception: _handler(respond) for exception, respond in _RESPONSES.items()}
    )
    return app


def _handler(
    respond: Callable[[Exception], Response],
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(_request: Request, error: Exception) -> Response:
        return respond(error)

    return handle


class _JsonResponse(Response):
    """JSON that nobody may store, with headers that need no looking for what is set already."""

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Set the headers that every answer has, and those of this one."""
        self.raw_headers = [
            (b"content-type", b"application/json"),
            (b"cache-control", b"no-store"),
            (b"content-length", str(len(self.body)).encode()),
            *((name.lower().encode(), value.encode()) for name, value in (headers or {}).items()),
        ]


def _json(status: int, content: Mapping[str, object], **headers: str) -> Response:
    """A JSON response; the names of headers have underscores for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return _JsonResponse(to_json(content), status, named)


def _error(status: int, error: str, description: str, **headers: str) -> Response:
    """An error as RFC 6749 §5.2 and RFC 6750 §3.1 name it."""
    return _json(status, {"error": error, "error_description": description}, **headers)


def _no_credential(_: Exception) -> Response:
    # RFC 6750 §3.1: no error code for a request that carries no authentication information.
    description = "sign in, and send your login credential as `Authorization: Bearer <token>`"
    return _json(401, {"error_description": description}, WWW_Authenticate="Bearer")


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


def _ring_unavailable(_: Exception) -> Response:
    return _error(
        503,
        "temporarily_unavailable",
        "tokens cannot be signed just now; try again",
        Retry_After=str(ring_cache.RETRY_AFTER_SECONDS),
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


_RESPONSES: Mapping[type[Exception], Callable[[Exception], Response]] = {
    NoCredentialError: _no_credential,
    MalformedRequestError: _malformed,
    InvalidCredentialError: _invalid,
    InsufficientScopeError: _insufficient_scope,
    UnusableClaimsError: _unusable_claims,
    TokenTooLargeError: _unusable_claims,
    NotConfiguredError: _not_configured,
    IdentityProviderUnavailableError: _provider_unavailable,
    KeyRingUnavailableError: _ring_unavailable,
    HTTPException: _http_error,
    Exception: _internal,
}
"""The one place that maps what went wrong to an HTTP answer."""
