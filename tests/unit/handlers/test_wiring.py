"""What the token functions' handlers are made of."""

import asyncio
import json
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.types import Receive, Scope, Send

from tests.api_gateway import lambda_event
from token_service.handlers.wiring import lambda_handler, token_service


def test_a_route_that_waits_for_something_fails_loudly() -> None:
    """It cannot be answered without a real event loop; half an answer would be worse than none."""
    app = FastAPI()
    reached = []

    @app.get("/waits")
    async def waits() -> None:
        reached.append("the wait")
        await asyncio.sleep(0)
        reached.append("its end")

    handler: Any = lambda_handler(app)
    with pytest.raises(RuntimeError, match="the token service must not wait for anything"):
        handler(lambda_event("/waits"), None)
    assert reached == ["the wait"]


def test_a_route_that_waits_for_nothing_is_answered() -> None:
    app = FastAPI()

    @app.get("/answers")
    async def answers() -> str:
        return "at once"

    handler: Any = lambda_handler(app)
    assert handler(lambda_event("/answers"), None)["body"] == '"at once"'


def test_the_body_of_a_request_is_there_at_once() -> None:
    app = FastAPI()

    @app.post("/echo")
    async def echo(request: Request) -> str:
        return (await request.body()).decode()

    handler: Any = lambda_handler(app)
    for body in ({"body": "clear"}, {"body": "Y2xlYXI=", "isBase64Encoded": True}):
        event = lambda_event("/echo", method="POST", **body)
        assert handler(event, None)["body"] == '"clear"'


@pytest.mark.parametrize("parts", [0, 2])
def test_an_answer_that_is_not_sent_whole_fails_loudly(parts: int) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 202, "headers": [(b"a", b"b")]})
        for left in reversed(range(parts)):
            await send({"type": "http.response.body", "body": b"a part", "more_body": left > 0})

    handler: Any = lambda_handler(app)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="values to unpack"):
        handler(lambda_event("/"), None)


def test_routes_see_the_headers_that_they_read_and_no_others() -> None:
    app = FastAPI()

    @app.get("/headers")
    async def headers(request: Request) -> dict[str, str]:
        return dict(request.headers)

    handler: Any = lambda_handler(app)
    sent = {"authorization": "Bearer x", "x-anonymous-token": "y", "cookie": "z"}
    answer = handler(lambda_event("/headers", sent), None)
    assert json.loads(answer["body"]) == {"authorization": "Bearer x", "x-anonymous-token": "y"}


def test_a_handler_leaves_the_event_loop_of_its_thread_alone() -> None:
    """Mangum would make one, which keeps files open, and warn of it on a later Python."""
    asyncio.set_event_loop(None)
    lambda_handler(FastAPI())
    with pytest.raises(RuntimeError, match="no current event loop"):
        asyncio.get_event_loop_policy().get_event_loop()


def test_what_an_api_has_before_the_paths_is_taken_off() -> None:
    app = FastAPI()

    @app.get("/token")
    async def answers() -> str:
        return "at once"

    handler: Any = lambda_handler(app, "/auth")
    assert handler(lambda_event("/auth/token"), None)["statusCode"] == 200
    assert handler(lambda_event("/auth/auth/token"), None)["statusCode"] == 404
    assert lambda_handler(app)(lambda_event("/auth/token"), None)["statusCode"] == 404  # type: ignore[arg-type]


def test_a_service_whose_device_tokens_powersync_would_accept_does_not_start() -> None:
    issuer = "https://tokens.test"
    environment = {
        "KEYRING_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ring",
        "KEYRING_CACHE_SECONDS": "300",
        "KEYRING_MAX_AGE_SECONDS": "3600",
        "TOKEN_LIFETIME_SECONDS": "300",
        "ISSUER": issuer,
        "AUDIENCES": f'["https://instance.test", "{issuer}"]',
        "POWERSYNC_URL": "https://instance.test",
        "ANONYMOUS_REMEMBER_SECONDS": "86400",
        "ANONYMOUS_FORMER_TOKENS": "exchange",
    }
    with pytest.raises(ValueError, match="audiences has this service's own URL https://tokens"):
        token_service(environment, "per-device")
