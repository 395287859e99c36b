"""What is told of each request that the front door has answered."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.door.visits import Visit, told_of_visits


async def answer(request: Request) -> Response:
    status = int(request.query_params.get("status", "200"))
    body: Any = {
        "ours": {"error": "invalid_token", "error_description": "sign in again"},
        "gateway": {"message": "Service Unavailable"},
        "cognito": {"__type": "NotAuthorizedException", "message": "Incorrect password"},
        "list": ["x"],
    }[request.query_params.get("body", "ours")]
    return JSONResponse(body, status)


async def fail(_: Request) -> Response:
    raise RuntimeError("bug")


def visit(method: str, url: str, **headers: str) -> Visit:
    told: list[Visit] = []
    routes = [Route("/fail", fail), Route("/{path:path}", answer, methods=["GET", "POST"])]
    app = told_of_visits(Starlette(routes=routes), told.append)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("127.0.0.9", 1))

    async def ask() -> None:
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            await client.request(method, url, headers=headers)

    asyncio.run(ask())
    (only,) = told
    return only


def test_it_has_what_was_asked_by_whom_and_no_credential() -> None:
    secret = "eyJhbGciOiJub25lIn0"
    seen = visit(
        "POST", f"/token?token={secret}", Authorization=f"Bearer {secret}", **{"User-Agent": "a/1"}
    )
    assert (seen.method, seen.path, seen.status, seen.agent) == ("POST", "/token", 200, "a/1")
    assert seen.client == "127.0.0.9"
    assert secret not in repr(seen)
    assert seen.refusal == ""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("ours", "invalid_token: sign in again"),
        ("gateway", "Service Unavailable"),
        ("cognito", "NotAuthorizedException: Incorrect password"),
        ("list", ""),
    ],
)
def test_a_refusal_is_told_in_the_words_of_the_answer(body: str, said: str) -> None:
    assert visit("GET", f"/token?status=401&body={body}").refusal == said


def test_what_was_asked_of_the_user_pool_is_named() -> None:
    target = "AWSCognitoIdentityProviderService.InitiateAuth"
    assert visit("POST", "/", **{"X-Amz-Target": target}).action == "InitiateAuth"
    assert visit("POST", "/token", **{"X-Amz-Target": target}).action == ""


def test_a_request_that_fails_here_is_told_too() -> None:
    seen = visit("GET", "/fail")
    assert (seen.status, seen.refusal) == (500, "")
