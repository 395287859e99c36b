"""What a web page that a developer visits can do to the local stack, in a real browser."""

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from local.stack import LocalStack
from tests.browser import browser as chromium
from tests.browser import context_of
from tests.loopback import Request, Response, serving

REBOUND = "rebound.evil.example"
"""A name of the attacker's, whose address is this machine by now."""

FUNCTIONS = "/2015-03-31/functions"

ATTACK = """
async ([url, body, headers]) => {
    const ways = {
        simple: { mode: "no-cors", headers: { "Content-Type": "text/plain" } },
        signed: { headers },
        readable: { headers: { "Content-Type": "text/plain" } },
    };
    const seen = {};
    for (const [way, options] of Object.entries(ways)) {
        try {
            const answer = await fetch(url, { method: "POST", body, ...options });
            seen[way] = answer.type === "opaque" ? "opaque" : answer.status;
        } catch (error) {
            seen[way] = error.name;
        }
    }
    return seen;
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1") as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with context_of(browser) as context:
        yield context.new_page()


def function() -> str:
    """A request to make a function that AWS and MiniStack take."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("planted.py", "def handler(event, context): pass")
    return json.dumps(
        {
            "FunctionName": "planted",
            "Role": "arn:aws:iam::000000000000:role/powersync-auth-local-us-east-1-jwks",
            "Runtime": "python3.13",
            "Handler": "planted.handler",
            "Code": {"ZipFile": base64.b64encode(archive.getvalue()).decode()},
        }
    )


def attack(page: Page, url: str) -> dict[str, Any]:
    signature = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request"
    headers = {"Content-Type": "application/json", "Authorization": signature}
    seen: dict[str, Any] = page.evaluate(ATTACK, [url, function(), headers])
    return seen


def planted(stack: LocalStack) -> bool:
    functions = stack.aws.client("lambda").list_functions()["Functions"]
    return any(function["FunctionName"] == "planted" for function in functions)


def attacked(stack: LocalStack) -> list[str]:
    """Where a page might look: what it can guess, and what it cannot, as if it had leaked."""
    emulator = f"http://127.0.0.1:{stack.emulator.port}"
    return [
        *(emulator + FUNCTIONS, f"{emulator}/test{FUNCTIONS}", stack.aws.endpoint + FUNCTIONS),
        *(stack.door.url + FUNCTIONS, stack.emulator.door_url + FUNCTIONS),
    ]


def test_the_attack_would_work_for_whoever_has_the_endpoint(stack: LocalStack) -> None:
    """Without a browser: else the tests below would show nothing."""
    client = stack.aws.client("lambda")
    request = json.loads(function())
    code = {"ZipFile": base64.b64decode(request.pop("Code")["ZipFile"])}
    client.create_function(Code=code, **request)
    assert planted(stack)
    client.delete_function(FunctionName="planted")
    assert not planted(stack)


def test_a_page_on_another_origin_cannot_plant_a_function(page: Page, stack: LocalStack) -> None:
    def html(_: Request) -> Response:
        return Response(200, b"<h1>kittens</h1>", {"Content-Type": "text/html"})

    with serving(html) as origin:
        page.goto(origin)
        for url in attacked(stack):
            seen = attack(page, url)
            # Sent, and refused; or not even sent, as the preflight was refused.
            assert seen["simple"] == "opaque"
            assert seen["signed"] in ("TypeError", 403, 404)
            assert not planted(stack)


def test_a_page_whose_name_was_rebound_cannot_plant_a_function(
    page: Page, stack: LocalStack
) -> None:
    for url in attacked(stack):
        parts = urlsplit(url)
        arrived = page.goto(f"http://{REBOUND}:{parts.port}/")
        assert arrived is not None
        assert arrived.status == 403
        # Of the same origin now, so that the page may read the answers.
        seen = attack(page, parts.path)
        assert (seen["signed"], seen["readable"]) == (403, 403)
    assert not planted(stack)


def test_a_page_whose_name_was_rebound_gets_no_token(page: Page, stack: LocalStack) -> None:
    parts = urlsplit(stack.outputs["anonymous_token_url"])
    page.goto(f"http://{REBOUND}:{parts.port}/")
    assert attack(page, parts.path)["readable"] == 403
