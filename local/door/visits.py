"""What comes to the front door and what it answers, told to whoever wants to know."""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers

from local.embedded.guard import USER_POOL_TARGET

_LONGEST_REFUSAL = 4096
"""Bytes of an answer that are kept to see why it is a refusal."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that has been answered. It holds no credential, and no query, which might be one.

    Attributes:
        at: When it came, in epoch seconds.
        seconds: How long the answer took.
        method: Of the request.
        path: Of the request, without its query.
        action: What of the user pool was asked for, such as `InitiateAuth`; else empty.
        client: The address of who asked.
        agent: How the client calls itself.
        status: Of the answer.
        refusal: What the answer says was wrong; empty where nothing was.
    """

    at: float
    seconds: float
    method: str
    path: str
    action: str
    client: str
    agent: str
    status: int
    refusal: str


Told = Callable[[Visit], None]
App = Callable[[Any, Any, Any], Awaitable[None]]


def told_of_visits(app: App, told: Told) -> App:
    """The application, with each request that it has answered told."""

    async def visited(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        at, began = time.time(), time.monotonic()
        status, beginning = HTTPStatus.INTERNAL_SERVER_ERROR.value, b""

        async def noticed(message: Any) -> None:
            nonlocal status, beginning
            if message["type"] == "http.response.start":
                status = message["status"]
            elif status >= HTTPStatus.BAD_REQUEST and len(beginning) < _LONGEST_REFUSAL:
                beginning += message.get("body", b"")
            await send(message)

        try:
            await app(scope, receive, noticed)
        finally:
            headers = Headers(scope=scope)
            target = headers.get("x-amz-target", "")
            told(
                Visit(
                    at=at,
                    seconds=time.monotonic() - began,
                    method=scope["method"],
                    path=scope["path"],
                    action=target.removeprefix(USER_POOL_TARGET) if scope["path"] == "/" else "",
                    client=scope["client"][0] if scope.get("client") else "",
                    agent=headers.get("user-agent", ""),
                    status=status,
                    refusal=_refusal(beginning) if status >= HTTPStatus.BAD_REQUEST else "",
                )
            )

    return visited


def _refusal(body: bytes) -> str:
    """What an answer says of itself, as the token service, API Gateway and Cognito say it."""
    try:
        document = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(document, dict):
        return ""
    kind = document.get("error") or document.get("__type") or ""
    text = document.get("error_description") or document.get("message") or ""
    return ": ".join(str(part) for part in (kind, text) if part)
