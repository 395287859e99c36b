"""The token endpoints over HTTP: requests in, tokens or errors out.

Routes are `async def` although nothing in them awaits: a Lambda container has one request at a
time, and a plain `def` would send each through a thread pool.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from token_service.endpoints.anonymous import AnonymousSubjects
from token_service.endpoints.responses import (
    MalformedRequestError,
    NoCredentialError,
    NotConfiguredError,
    error_response,
    json_response,
)
from token_service.keys.ring_cache import RingCache
from token_service.keys.tokens import Token, TokenIssuer

if TYPE_CHECKING:
    # The function that gives anonymous tokens does without it.
    from token_service.identity.providers import IdentityProviders

READ_HEADERS = ("authorization", "x-anonymous-token")
"""The headers of a request that the routes read; no others are handed to them."""

AUTHENTICATED = "authenticated"
ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class TokenService:
    """What the endpoints work with."""

    issuer: TokenIssuer
    powersync_url: str
    rings: RingCache
    anonymous: AnonymousSubjects
    clock: Callable[[], float]

    def issue(self, subject: str, role: str, claims: Mapping[str, object]) -> Response:
        """The answer with a token for a signed-in user."""
        token = self.issuer.issue(
            self.rings.get().signer,
            subject=subject,
            role=role,
            now=self.clock(),
            claims=claims,
        )
        return json_response(200, self._content(token))

    def issue_anonymously(self, presented: str | None) -> Response:
        """The answer with a token for an anonymous user, and with one for the device to keep."""
        ring = self.rings.get()
        subject = self.anonymous.subject_for(presented, ring)
        token = self.issuer.issue(
            ring.signer,
            subject=subject,
            role=ANONYMOUS,
            now=self.clock(),
            claims={},
            token_id=self.anonymous.token_id(),
        )
        content = self._content(token)
        device_token = self.anonymous.device_token(ring, subject)
        if device_token is not None:
            content["deviceToken"] = device_token
        return json_response(200, content)

    def check_configured(self) -> None:
        """Raises `NotConfiguredError` before a credential is even looked at."""
        if not self.powersync_url:
            raise NotConfiguredError(
                "this deployment does not know its PowerSync instance yet: run"
                " `pulumi config set powersyncUrl https://…` and `pulumi up`"
            )

    def _content(self, token: Token) -> dict[str, object]:
        return {
            "token": token.encoded,
            "powersync_url": self.powersync_url,
            "endpoint": self.powersync_url,
            "expiresAt": token.expires_at,
            "userId": token.subject,
        }


def signed_in_app(service: TokenService, providers: "IdentityProviders") -> FastAPI:
    """`GET`/`POST /token`: a PowerSync token for whoever the bearer credential says is calling."""
    app = _Api()

    @app.api_route("/token", methods=["GET", "POST"], response_class=Response)
    async def token(request: Request) -> Response:
        service.check_configured()
        caller = providers.authenticate(_bearer(request))
        claims = dict(caller.claims)
        presented = request.headers.get("x-anonymous-token")
        if presented is not None:
            former = service.anonymous.former_subject(presented, service.rings.get())
            if former is not None:
                claims["previous_sub"] = former.subject
                claims["previous_iat"] = former.proven_at
        role = ANONYMOUS if caller.anonymous else AUTHENTICATED
        return service.issue(caller.subject, role, claims)

    return app


def anonymous_app(service: TokenService) -> FastAPI:
    """`GET`/`POST /token/anonymous`: a token for anybody."""
    app = _Api()

    @app.api_route("/token/anonymous", methods=["GET", "POST"], response_class=Response)
    async def anonymous_token(request: Request) -> Response:
        service.check_configured()
        return service.issue_anonymously(request.headers.get("x-anonymous-token"))

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
    """A route whose path has no parameters, and whose endpoint answers the request by itself.

    FastAPI's way of resolving parameters, and its clean-up after them, would cost as much as
    signing the token.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the request is for this path, and by one of its methods."""
        if scope["path"] != self.path:
            return Match.NONE, {}
        allowed = self.methods or ()
        return Match.FULL if scope["method"] in allowed else Match.PARTIAL, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for this path."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)  # Raises what is answered with 405.
            return
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


class _Api(FastAPI):
    """FastAPI whose routes answer everything themselves, and with answers of ours to errors.

    Its own layers would add what only dependencies, its debug mode and telemetry need.
    """

    def __init__(self) -> None:
        super().__init__(
            title="PowerSync tokens",
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            redirect_slashes=False,
        )
        self.router.route_class = _DirectRoute

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request: an answer of a route is whole before it is sent, or it has raised."""
        scope["app"] = self
        try:
            await self.router.app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - nothing internal reaches a client
            await error_response(error)(scope, receive, send)
