"""The page of the local stack, asked without a browser: who may, and what goes wrong."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from local.door.address import Address, own_address
from local.door.server import FrontDoor
from local.outputs import what_next
from local.stack import LocalStack
from operate.page.routes import StackPage
from tests.patience import PATIENT


@pytest.fixture(scope="module")
def shown() -> Iterator[LocalStack]:
    page = StackPage()
    address = Address("0.0.0.0")
    with LocalStack(address=address, routes=page.routes, visited=page.visited) as stack:
        page.show(stack.outputs, lambda _: None)
        yield stack


def ask(stack: LocalStack, path: str, method: str = "GET", **more: Any) -> httpx.Response:
    return httpx.request(method, stack.door.reachable_url + path, timeout=PATIENT, **more)


def test_it_is_served_with_everything_that_it_refers_to(shown: LocalStack) -> None:
    page = ask(shown, "/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    for file in ("page.css", "main.js", "icon.svg"):
        assert f"/page/{file}" in page.text
        assert ask(shown, f"/page/{file}").status_code == 200
    assert "http" not in page.text  # nothing of somebody else's


@pytest.mark.parametrize("path", ["/", "/page/keys", "/page/main.js"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "192.168.1.5"},
        {"Host": "laptop.local"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ],
)
def test_strangers_get_403(shown: LocalStack, path: str, headers: dict[str, str]) -> None:
    assert ask(shown, path, headers=headers).status_code == 403


def test_another_machine_gets_403_whatever_it_says(shown: LocalStack) -> None:
    address = own_address()
    if address.startswith("127."):
        pytest.skip("this machine has no other address than loopback")
    url = f"http://{address}:{shown.door.address.port}"
    jwks = httpx.get(f"{url}/.well-known/jwks.json", timeout=PATIENT)
    assert jwks.status_code == 200
    for path in ("/", "/page/keys"):
        answer = httpx.get(url + path, headers={"Host": "127.0.0.1"}, timeout=PATIENT)
        assert answer.status_code == 403


@pytest.mark.parametrize("path", ["rotate", "revoke", "login", "token", "verdict", "restart"])
def test_what_changes_something_or_gives_a_token_is_asked_by_post(
    shown: LocalStack, path: str
) -> None:
    assert ask(shown, f"/page/{path}").status_code in (404, 405)
    stranger = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    answer = ask(shown, f"/page/{path}", "POST", content="{}", headers=stranger)
    assert answer.status_code == 403


def test_sign_in_and_the_api_are_where_they_were(shown: LocalStack) -> None:
    refused = ask(shown, "/", "POST", headers={"X-Amz-Target": "x.ListUserPools"})
    assert refused.status_code in (400, 404)
    assert ask(shown, "/nothing/here").status_code == 404
    assert ask(shown, "/token/anonymous", "POST").status_code == 200


def test_a_rotation_that_is_too_early_is_refused_with_the_reason(shown: LocalStack) -> None:
    before = ask(shown, "/page/keys").json()
    answer = ask(shown, "/page/rotate", "POST")
    assert answer.status_code == 409
    assert "too early" in answer.json()["error"]
    assert ask(shown, "/page/keys").json()["keys"] == before["keys"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("revoke", "{}"),
        ("revoke", '{"kid": 1}'),
        ("revoke", '{"all": "yes"}'),
        ("verdict", "[]"),
        ("verdict", "{"),
        ("token", '{"sub": "x"}'),
    ],
)
def test_what_cannot_be_meant_is_refused(shown: LocalStack, path: str, body: str) -> None:
    assert ask(shown, f"/page/{path}", "POST", content=body).status_code == 400


def test_too_much_is_refused(shown: LocalStack) -> None:
    body = json.dumps({"token": "x" * 100_000})
    assert ask(shown, "/page/verdict", "POST", content=body).status_code == 413


def test_a_key_that_is_not_there_is_not_revoked(shown: LocalStack) -> None:
    answer = ask(shown, "/page/revoke", "POST", json={"kid": "A" * 43})
    assert answer.status_code == 409
    assert "A" * 43 in answer.json()["error"]


def test_claims_that_are_ours_are_refused_for_a_token_as_anybody(shown: LocalStack) -> None:
    asked = {"sub": "user-1", "role": "authenticated", "claims": '{"aud": "x"}'}
    answer = ask(shown, "/page/token", "POST", json=asked)
    assert (answer.status_code, "aud" in answer.json()["error"]) == (409, True)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJFUzI1NiJ9.e30.AAAA", "é.ü.ß"])
def test_whatever_is_pasted_gets_a_verdict(shown: LocalStack, token: str) -> None:
    told = ask(shown, "/page/verdict", "POST", json={"token": token}).json()
    assert told["check"]["ok"] is False
    assert told["check"]["code"].startswith("PSYNC_S21")


def test_a_refused_login_is_told_with_the_reason_of_the_log(shown: LocalStack) -> None:
    ask(shown, "/token", "POST", headers={"Authorization": "Bearer a.b.c"})
    requests = ask(shown, "/page/requests").json()["requests"]
    refused = requests[-1]
    assert (refused["path"], refused["status"]) == ("/token", 401)
    assert refused["refusal"].startswith("invalid_token")
    assert refused["reasons"] == ["credential refused: header: not base64url"]
    assert not [request for request in requests if request["path"].startswith("/page")]


def test_before_the_stack_is_up_it_says_so() -> None:
    with FrontDoor(Address()) as door:
        door.open(Starlette(routes=StackPage().routes))
        assert httpx.get(f"{door.url}/", timeout=PATIENT).status_code == 200
        answer = httpx.get(f"{door.url}/page/keys", timeout=PATIENT)
        assert (answer.status_code, answer.json()["error"]) == (503, "the stack is being started")


def test_the_command_says_where_the_page_is(tmp_path: Path, shown: LocalStack) -> None:
    text = what_next(shown.outputs, tmp_path, shown.door.page_url)
    assert f"http://127.0.0.1:{shown.door.address.port}/" in text
    assert "browser" not in what_next(shown.outputs, tmp_path)
