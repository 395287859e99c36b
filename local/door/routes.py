"""What the front door serves: the API, and of the user pool what apps call without a signature.

The URLs are those that AWS would have, on one server. To serve more, such as a page for the
browser, give `front_door` routes of your own: they come first.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from local.door.address import host_of
from local.door.published import Published
from local.door.upstream import Upstream, message
from local.embedded.guard import API_PREFIX, PUBLIC_USER_POOL_ACTIONS, USER_POOL_TARGET
from powersync_auth.identity_providers import is_nearby

ANY_METHOD = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


def front_door(
    published: Published,
    upstream: Upstream,
    more: Sequence[BaseRoute] = (),
    names: frozenset[str] = frozenset(),
) -> App:
    """The door as an ASGI application.

    Args:
        published: What is served.
        upstream: Where it is.
        more: Routes that come before those of AWS.
        names: Names in a `Host` that are the user's own, beside what no stranger can have.
    """
    aws = _Aws(published, upstream)
    routes = [
        *more,
        Route("/", aws.user_pool_action, methods=("OPTIONS", "POST")),
        Route("/{pool}/.well-known/jwks.json", aws.user_pool_document, methods=("GET",)),
        Route("/{pool}/.well-known/openid-configuration", aws.discovery, methods=("GET",)),
        Route("/{path:path}", aws.api, methods=ANY_METHOD),
    ]

    @asynccontextmanager
    async def closing(_app: Starlette) -> AsyncIterator[None]:
        yield
        await upstream.close()

    app = Starlette(routes=routes, lifespan=closing)
    app.router.redirect_slashes = False
    return _OwnNamesOnly(app, published, names)


class _OwnNamesOnly:
    """Refuses a `Host` that a stranger may have given to this machine (DNS rebinding).

    That takes a name in the public DNS, which one of something nearby is not.
    """

    def __init__(self, app: App, published: Published, names: frozenset[str]) -> None:
        self._app = app
        self._published = published
        self._names = names

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            host = host_of(Request(scope).headers.get("host", ""))
            if not (is_nearby(host) or host in self._names or host == self._published.domain):
                refusal = message(
                    HTTPStatus.FORBIDDEN,
                    "Forbidden: the local stack is not asked by this name; LOCAL_URL may name it",
                )
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


class _Aws:
    """API Gateway and Cognito."""

    def __init__(self, published: Published, upstream: Upstream) -> None:
        self._published = published
        self._upstream = upstream

    async def api(self, request: Request) -> Response:
        """Any request to the API; its own routes, and its default one, are API Gateway's."""
        api_id = self._published.api_id
        if api_id is None:
            return message(HTTPStatus.SERVICE_UNAVAILABLE, "Service Unavailable")
        answer = await self._upstream.passed_on(request, f"{API_PREFIX}{api_id}")
        if request.method == "OPTIONS" and answer.status_code == HTTPStatus.FORBIDDEN:
            # To an origin that is not allowed AWS says nothing at all.
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return answer

    async def user_pool_action(self, request: Request) -> Response:
        """An action that an app calls without a signature, by the name in `X-Amz-Target`."""
        target = request.headers.get("x-amz-target", "")
        if request.method == "POST" and not target.startswith(USER_POOL_TARGET):
            return await self.api(request)
        action = target.removeprefix(USER_POOL_TARGET)
        if self._published.user_pool_id is None or (
            request.method == "POST" and action not in PUBLIC_USER_POOL_ACTIONS
        ):
            return _refused_action()
        return await self._upstream.asked(
            request, "/", "content-type", "origin", "user-agent", "x-amz-target"
        )

    async def user_pool_document(self, request: Request) -> Response:
        """The keys that the user pool signs with."""
        if request.path_params["pool"] != self._published.user_pool_id:
            return await self.api(request)
        return await self._upstream.asked(request, request.url.path, "origin")

    async def discovery(self, request: Request) -> Response:
        """The user pool's OpenID configuration, with what is served here and nothing else."""
        answer = await self.user_pool_document(request)
        if request.path_params["pool"] != self._published.user_pool_id or answer.status_code != 200:
            return answer
        configuration = {
            name: value
            for name, value in json.loads(bytes(answer.body)).items()
            if not name.endswith("_endpoint")
        }
        pool = f"{self._published.url}/{self._published.user_pool_id}"
        configuration["jwks_uri"] = f"{pool}/.well-known/jwks.json"
        return JSONResponse(configuration, headers={"Access-Control-Allow-Origin": "*"})


def _refused_action() -> Response:
    """As AWS answers an action that it does not have."""
    kind = "UnknownOperationException"
    text = "the front door of the local stack passes on what signs users in, and nothing else"
    return Response(
        json.dumps({"__type": kind, "message": text}),
        HTTPStatus.BAD_REQUEST,
        {"x-amzn-errortype": kind},
        media_type="application/x-amz-json-1.1",
    )
