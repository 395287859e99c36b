"""Passes requests on to the embedded AWS, as API Gateway and Cognito take them."""

import json
from collections.abc import Mapping
from http import HTTPStatus

import httpx
from starlette.requests import Request
from starlette.responses import Response

LARGEST_BODY = 10 * 1024 * 1024
"""Bytes; the limit of API Gateway's payloads."""

_LONGEST_ANSWER_SECONDS = 35.0
"""API Gateway waits for 30 s; a function's own timeout comes first."""

_ONE_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization"),
        *("te", "trailer", "transfer-encoding", "upgrade"),
    }
)
"""RFC 9110, section 7.6.1: what is about one connection."""

_MADE_ANEW = frozenset(
    {"host", "content-length"}
    | {f"x-forwarded-{what}" for what in ("for", "host", "port", "proto")}
)


class Upstream:
    """The embedded AWS, as the door reaches it.

    Args:
        url: Its URL for the door, see `Emulator.door_url`.
    """

    def __init__(self, url: str) -> None:
        self._url = httpx.URL(url)
        self._client = httpx.AsyncClient(
            trust_env=False,  # A proxy cannot reach it.
            verify=False,  # noqa: S501 - it is never asked by https
            timeout=_LONGEST_ANSWER_SECONDS,
            # No connection is kept: the other end may close one just as a request goes out on it.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def close(self) -> None:
        """Closes its connections."""
        await self._client.aclose()

    async def passed_on(self, request: Request, prefix: str) -> Response:
        """The answer to a request that is passed on with all that it has.

        Args:
            request: As it came in.
            prefix: What comes before its path.
        """
        query = request.scope["query_string"]
        target = request.scope["raw_path"] + (b"?" + query if query else b"")
        headers = [
            (name, value)
            for name, value in request.headers.raw
            if name.decode("latin-1") not in _ONE_HOP | _MADE_ANEW
        ]
        headers += _forwarded(request)
        return await self._ask(request, prefix.encode() + target, headers)

    async def asked(self, request: Request, path: str, *names: str) -> Response:
        """The answer to a request of which only some headers are passed on.

        Args:
            request: As it came in.
            path: Where to, without a query.
            names: Which headers, in lower case.
        """
        headers = [
            (name, value) for name, value in request.headers.raw if name.decode("latin-1") in names
        ]
        return await self._ask(request, path.encode(), headers)

    async def _ask(
        self, request: Request, target: bytes, headers: list[tuple[bytes, bytes]]
    ) -> Response:
        body = await _body(request)
        if body is None:
            return message(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request Entity Too Large")
        asked = httpx.Request(
            request.method,
            self._url,
            content=body,
            headers=headers,
            # As it stands: httpx would resolve dot segments, and leave the prefix.
            extensions={"target": self._url.raw_path + target},
        )
        try:
            answer = await self._client.send(asked, stream=True)
            try:
                content = b"".join([chunk async for chunk in answer.aiter_raw()])
            finally:
                await answer.aclose()
        except httpx.HTTPError:
            return message(HTTPStatus.SERVICE_UNAVAILABLE, "Service Unavailable")
        response = Response(content, answer.status_code)
        response.raw_headers = [
            (name.lower(), value)
            for name, value in answer.headers.raw
            if name.lower().decode("latin-1") not in _ONE_HOP
        ]
        return response


async def _body(request: Request) -> bytes | None:
    """The request's body; None where it is longer than API Gateway takes."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return body


def _forwarded(request: Request) -> list[tuple[bytes, bytes]]:
    """What API Gateway adds about the client; the embedded AWS makes the event of it."""
    client = request.client.host if request.client is not None else ""
    before = request.headers.get("x-forwarded-for")
    url = request.url
    added: Mapping[str, str] = {
        "x-forwarded-for": f"{before}, {client}" if before else client,
        "x-forwarded-host": request.headers.get("host", ""),
        "x-forwarded-port": str(url.port or 80),
        "x-forwarded-proto": url.scheme,
    }
    return [(name.encode(), value.encode("latin-1")) for name, value in added.items()]


def message(status: HTTPStatus, text: str) -> Response:
    """An answer of API Gateway's own."""
    return Response(json.dumps({"message": text}), status, media_type="application/json")
