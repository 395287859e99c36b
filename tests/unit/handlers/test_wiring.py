"""What the token functions' handlers are made of."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from tests.api_gateway import lambda_event
from token_service.handlers.wiring import lambda_handler, token_service


@pytest.fixture(autouse=True)
def _own_loop() -> Iterator[None]:
    """A handler sets the event loop of its thread."""
    yield
    asyncio.set_event_loop(None)


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
