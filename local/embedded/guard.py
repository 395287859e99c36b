"""Who may speak to the embedded AWS: it runs code, and takes a root key that everybody knows.

A web page reaches servers on loopback through its visitor's browser, by DNS rebinding with a
foreign `Host`, or across sites with its `Origin`. So nothing gets in but what knows a key, which
is the first segment of the path, new at each start, and in no place but our own processes and the
owner's file of outputs. AWS's SDKs keep the path of an endpoint, so they need not know of this.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

API_PREFIX = "/_aws/execute-api/"
USER_POOL_TARGET = "AWSCognitoIdentityProviderService."
PUBLIC_USER_POOL_ACTIONS = frozenset(
    {
        "ConfirmForgotPassword",
        "ConfirmSignUp",
        "ForgotPassword",
        "InitiateAuth",
        "RespondToAuthChallenge",
        "SignUp",
    }
)
"""What an app calls, without a signature, to sign a user in."""

_POOL_DOCUMENTS = ("/.well-known/jwks.json", "/.well-known/openid-configuration")


@dataclass(frozen=True, slots=True)
class Guard:
    """An ASGI application around MiniStack's.

    Attributes:
        app: MiniStack.
        authority: Host and port that it listens on, the only `Host` it is asked by.
        owner_key: Lets in to everything. No browser has it, so what comes from a page is refused.
        door_key: Lets in to what the front door passes on: the deployed API, and the public side
            of user pools.
    """

    app: App
    authority: str
    owner_key: str
    door_key: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on what may come in, without its key; refuses the rest."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif (inner := self._admitted(scope)) is None:
            await _refuse(send)
        else:
            await self.app(inner, receive, send)

    def _admitted(self, scope: Scope) -> Scope | None:
        """The request as MiniStack sees it; None where it may not come in."""
        headers = _headers(scope)
        if headers.get("host") != self.authority:
            return None
        key, slash, rest = scope["path"].removeprefix("/").partition("/")
        path = slash + rest or "/"
        if hmac.compare_digest(key.encode(), self.owner_key.encode()):
            if _from_a_page(headers):
                return None
        elif not (
            hmac.compare_digest(key.encode(), self.door_key.encode())
            and _is_public(scope["method"], path, headers)
        ):
            return None
        inner = {**scope, "path": path}
        # The key is part of what a signature is over.
        if not headers.get("authorization", "").startswith("AWS4-"):
            raw = scope.get("raw_path") or b""
            inner["raw_path"] = raw[len(key) + 1 :] or b"/"
        return inner


def _headers(scope: Scope) -> dict[str, str]:
    """Header values by lower-case name; those of a repeated name together."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _from_a_page(headers: dict[str, str]) -> bool:
    """Whether a browser asks for a page; one whose address was typed in has no site."""
    return "origin" in headers or headers.get("sec-fetch-site", "none") != "none"


def _is_public(method: str, path: str, headers: dict[str, str]) -> bool:
    if path.startswith(API_PREFIX):
        return True
    if method == "GET":
        return path.count("/") == 3 and path.endswith(_POOL_DOCUMENTS)
    if path != "/":
        return False
    if method == "OPTIONS":
        return True
    target = headers.get("x-amz-target", "")
    action = target.removeprefix(USER_POOL_TARGET)
    return method == "POST" and action != target and action in PUBLIC_USER_POOL_ACTIONS


async def _refuse(send: Send) -> None:
    body = json.dumps({"message": "Forbidden: this is a private part of the local stack"}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
