"""The routes of the page: its files, and what it asks for with JSON."""

import json
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.staticfiles import StaticFiles

from local.command import Restart
from local.door.visits import Visit
from operate.errors import OperatorError
from operate.page.admission import OwnerOnly
from operate.page.recent import RecentRequests

if TYPE_CHECKING:
    from operate.page.service import PageService

_FILES = Path(__file__).with_name("static")

_LARGEST_BODY = 65_536
"""Bytes; a token is a few hundred."""


class StackPage:
    """The page of a local stack; see `local.command.Page`."""

    def __init__(self) -> None:
        self._recent = RecentRequests()
        self._service: Callable[[], PageService] | None = None

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """The page at `/`, and what belongs to it under `/page`."""
        api = Router(
            [
                Route("/stack", self._told(lambda service: service.about())),
                Route("/keys", self._told(lambda service: service.keys())),
                Route("/requests", self._requests),
                self._action("/rotate", lambda service, _: service.rotate()),
                self._action("/revoke", lambda service, asked: service.revoke(_kid(asked))),
                self._action("/login", lambda service, _: {"login": service.login()}),
                self._action("/token", _token),
                self._action(
                    "/verdict", lambda service, asked: service.verdict(_text(asked, "token"))
                ),
                self._action(
                    "/restart", lambda service, asked: service.restart(asked.get("short") is True)
                ),
                Mount("/", StaticFiles(directory=_FILES)),
            ]
        )
        return [
            Route("/", OwnerOnly(_index), methods=["GET"]),
            Mount("/page", OwnerOnly(api)),
        ]

    def visited(self, visit: Visit) -> None:
        """Is told of each request to the front door."""
        self._recent.visited(visit)

    def show(self, outputs: Mapping[str, Any], restart: Restart) -> None:
        """Is told the outputs as soon as the stack is up."""
        lock = threading.Lock()
        made: list[PageService] = []

        def service() -> "PageService":
            # What it imports takes half a second, which nobody waits for who opens no page.
            from operate.page.service import PageService  # noqa: PLC0415

            with lock:
                if not made:
                    made.append(PageService(outputs, restart))
                return made[0]

        self._service = service

    def _told(
        self, ask: Callable[["PageService"], Any]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def told(_request: Request) -> Response:
            return await self._answer(ask)

        return told

    def _action(self, path: str, act: Callable[["PageService", Mapping[str, Any]], Any]) -> Route:
        """What changes something, or is asked for with a secret: JSON by POST."""

        async def action(request: Request) -> Response:
            asked = await _document(request)
            return await self._answer(lambda service: act(service, asked))

        return Route(path, action, methods=["POST"])

    async def _answer(self, ask: Callable[["PageService"], Any]) -> Response:
        if self._service is None:
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, "the stack is being started")
        service = self._service
        try:
            # In a thread, as boto3 would hold up everything else that the front door does.
            return JSONResponse(await run_in_threadpool(lambda: ask(service())))
        except OperatorError as error:
            return _error(HTTPStatus.CONFLICT, str(error))

    async def _requests(self, request: Request) -> Response:
        after = request.query_params.get("after", "0")
        if not after.isdecimal():
            raise HTTPException(HTTPStatus.BAD_REQUEST, "`after` is a revision")

        def told(service: "PageService") -> Any:
            self._recent.explain(service.logs)
            return self._recent.after(int(after))

        return await self._answer(told)


async def _index(scope: Any, receive: Any, send: Any) -> None:
    await FileResponse(_FILES / "index.html")(scope, receive, send)


async def _document(request: Request) -> Mapping[str, Any]:
    """The JSON object that came; raises `HTTPException`."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise HTTPException(HTTPStatus.BAD_REQUEST, "a JSON object is wanted")
    return document


def _text(asked: Mapping[str, Any], name: str) -> str:
    text = asked.get(name)
    if not isinstance(text, str):
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"`{name}` is a text")
    return text.strip()


def _kid(asked: Mapping[str, Any]) -> str | None:
    """The key that is meant, or None for all of them; none is meant by leaving it out."""
    return None if asked.get("all") is True else _text(asked, "kid")


def _token(service: "PageService", asked: Mapping[str, Any]) -> dict[str, str]:
    sub, role, claims = (_text(asked, name) for name in ("sub", "role", "claims"))
    return {"token": service.token_as(sub, role, claims)}


def _error(status: HTTPStatus, text: str) -> Response:
    return JSONResponse({"error": text}, status)
