"""What both token functions are made of."""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI
from mangum import Mangum
from mangum.handlers import HTTPGateway

from token_service.aws.steady_clock import SteadyClock
from token_service.endpoints.anonymous import AnonymousSubjects, FormerTokens
from token_service.endpoints.api import READ_HEADERS, TokenService
from token_service.keys.ring_cache import RingCache
from token_service.keys.ring_store import KeyRingStore
from token_service.keys.tokens import TokenIssuer
from token_service.settings import TokenSettings


def token_service(environment: Mapping[str, str], anonymous_mode: str) -> TokenService:
    """The service as the function's environment describes it.

    Raises `ValueError` where a device token would be a PowerSync token as well.
    """
    settings = TokenSettings.from_environment(environment)
    if settings.issuer in settings.audiences:
        raise ValueError(
            f"audiences has this service's own URL {settings.issuer}, which is the audience of"
            " device tokens; name the PowerSync instance there"
        )
    # A client waits for this read: two quick attempts, then 503 and its own retry.
    store = KeyRingStore.connect(settings.secret_arn, time_limit=3.0, attempts=2)
    return TokenService(
        issuer=TokenIssuer(settings.issuer, settings.audiences, settings.token_lifetime_seconds),
        powersync_url=settings.powersync_url,
        rings=RingCache(
            store.read,
            SteadyClock(),
            refresh_after=settings.keyring_cache_seconds,
            max_age=settings.keyring_max_age_seconds,
        ),
        anonymous=AnonymousSubjects(
            mode=anonymous_mode,
            remember_seconds=settings.anonymous_remember_seconds,
            issuer=settings.issuer,
            former_tokens=FormerTokens(settings.anonymous_former_tokens),
            clock=time.time,
        ),
        clock=time.time,
    )


class _Gateway(HTTPGateway):
    """API Gateway's payload 2.0, the one kind of event there is here.

    Mangum would work out more of the request than there is any use for, and look into each response
    for cookies and binary content, of which there is none.
    """

    @property
    def scope(self) -> Any:
        """The request as ASGI has it, as far as the routes read it.

        Names of headers are in lower case in an event, and each stands there once.
        """
        http = self.event["requestContext"]["http"]
        headers = self.event.get("headers", {})
        return {
            "type": "http",
            "http_version": "1.1",
            "method": http["method"],
            "path": unquote(http["path"]).removeprefix(
                self.config["api_gateway_base_path"].rstrip("/")
            ),
            "root_path": "",
            "query_string": self.event.get("rawQueryString", "").encode(),
            "headers": [
                (name.encode(), headers[name].encode()) for name in READ_HEADERS if name in headers
            ],
        }

    def __call__(self, response: Any) -> dict[str, Any]:
        """The response in API Gateway's form."""
        return {
            "statusCode": response["status"],
            "headers": {name.decode(): value.decode() for name, value in response["headers"]},
            "body": response["body"].decode(),
            "isBase64Encoded": False,
        }


class _Adapter(Mangum):
    """Mangum for an app that never waits and sends each answer whole: it runs to its end at once.

    A Lambda container has one request at a time, and nothing in the token service is awaited that
    is not there already. Mangum's own way, with an event loop and a queue of messages, would cost
    half as much as signing the token.
    """

    def _setup_event_loop(self) -> None:
        """There is none."""

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """The app's answer; raises `RuntimeError` if it waits for something."""
        gateway = _Gateway(event, context, self.config)
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": gateway.body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        answering: Any = self.app(gateway.scope, receive, send)
        try:
            answering.send(None)
        except StopIteration:
            start, whole = sent
        else:
            answering.close()
            raise RuntimeError("the token service must not wait for anything")
        return gateway({**start, "body": whole["body"]})


def lambda_handler(app: FastAPI, path_prefix: str = "") -> Mangum:
    """The app as a Lambda handler; `path_prefix` is what the API has before the app's paths."""
    return _Adapter(app, lifespan="off", api_gateway_base_path=path_prefix)
