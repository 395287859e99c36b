"""Who may ask for the page: a browser on this machine, for the page itself.

It rotates and revokes keys and gives tokens, so neither another machine nor a page of somebody
else in the same browser may ask for anything of it.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from local.door.address import host_of, is_loopback_name

App = Callable[[Any, Any, Any], Awaitable[None]]

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class OwnerOnly:
    """An ASGI application that is shown to the owner's browser and refused to everybody else."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Passes the request on, or answers with 403."""

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        client = scope["client"][0] if scope.get("client") else ""
        reason = refusal(Headers(scope=scope), client)
        app = self._app if reason is None else PlainTextResponse(reason, HTTPStatus.FORBIDDEN)
        await app(scope, receive, guarded)


def refusal(headers: Mapping[str, str], client: str) -> str | None:
    """Why a request is refused; None where it may pass.

    Args:
        headers: Of the request.
        client: The address of who is connected: a `Host` says what its sender likes.
    """
    host = headers.get("host", "")
    if not (is_loopback_name(host_of(host)) and _is_loopback(client)):
        return "This page is shown to a browser on the machine that runs the local stack only."
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site not in (None, "none", "same-origin") or origin not in (None, f"http://{host}"):
        return (
            "This page takes no request from another site's page."
            f" To see it, type its address in: http://{host}/"
        )
    return None


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback
