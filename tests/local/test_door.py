"""The front door passes requests on as API Gateway does."""

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from local.aws import Aws
from local.door.address import Address, AddressError
from local.door.published import Published
from local.door.routes import front_door
from local.door.server import FrontDoor, PortTakenError
from local.door.upstream import LARGEST_BODY, Upstream
from local.emulator import Emulator
from tests.patience import PATIENT

CODE = """
import json

def handler(event, context):
    if event["rawPath"] == "/crash":
        raise ValueError("the secret of the function")
    return {
        "statusCode": 200,
        "headers": {"etag": '"1"', "content-type": "application/json"},
        "body": json.dumps(event),
    }
"""
ORIGIN = "https://app.example.com"


@dataclass(frozen=True)
class Echo:
    """An API that answers with the event, behind a door."""

    emulator: Emulator
    door: FrontDoor

    def event(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        answer = httpx.request(method, self.door.url + path, timeout=PATIENT, **more)
        assert answer.status_code == 200, answer.text
        event: dict[str, Any] = answer.json()
        return event


def deploy(aws: Aws) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("echo.py", CODE)
    role = "arn:aws:iam::000000000000:role/echo"
    arn = aws.client("lambda").create_function(
        FunctionName="echo",
        Role=role,
        Runtime="python3.13",
        Handler="echo.handler",
        Timeout=60,
        Code={"ZipFile": archive.getvalue()},
    )["FunctionArn"]
    gateway = aws.client("apigatewayv2")
    cors = {"AllowOrigins": [ORIGIN], "AllowMethods": ["POST"], "AllowHeaders": ["authorization"]}
    api = gateway.create_api(Name="echo", ProtocolType="HTTP", CorsConfiguration=cors)["ApiId"]
    integration = gateway.create_integration(
        ApiId=api,
        IntegrationType="AWS_PROXY",
        IntegrationUri=arn,
        PayloadFormatVersion="2.0",
    )["IntegrationId"]
    gateway.create_route(ApiId=api, RouteKey="$default", Target=f"integrations/{integration}")
    gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    aws.published.api_id = api


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    with Emulator(enforce_iam=False) as emulator, FrontDoor(Address()) as door:
        published = Published(door.url, door.reachable_url)
        deploy(Aws(emulator.endpoint, "us-east-1", published))
        door.open(front_door(published, Upstream(emulator.door_url)))
        yield Echo(emulator, door)


def test_an_event_has_what_was_asked_and_by_whom(echo: Echo) -> None:
    event = echo.event(
        "POST",
        "/token?a=1&a=2&b=%20",
        content=b'{"x": 1}',
        headers={
            "Authorization": "Bearer abc",
            "Content-Type": "application/json",
            "Cookie": "a=b",
            "User-Agent": "a-phone/1",
            "X-Anonymous-Token": "t",
        },
    )
    assert (event["rawPath"], event["rawQueryString"]) == ("/token", "a=1&a=2&b=%20")
    assert event["body"] == '{"x": 1}'
    headers = event["headers"]
    assert headers["authorization"] == "Bearer abc"
    assert headers["x-anonymous-token"] == "t"
    assert headers["user-agent"] == "a-phone/1"
    assert headers["host"] == echo.door.url.removeprefix("http://")
    context = event["requestContext"]
    assert context["domainName"] == "127.0.0.1"
    assert context["http"]["method"] == "POST"
    assert context["http"]["sourceIp"] == "127.0.0.1"


def test_a_client_cannot_say_that_it_is_another(echo: Echo) -> None:
    claimed = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Host": "evil.example"}
    event = echo.event("GET", "/", headers=claimed)
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    assert event["requestContext"]["domainName"] == "127.0.0.1"
    assert event["headers"]["x-forwarded-for"] == "203.0.113.7, 127.0.0.1"
    assert event["headers"]["x-forwarded-proto"] == "http"
    assert event["headers"]["x-forwarded-port"] == str(echo.door.address.port)
    assert "x-forwarded-host" not in event["headers"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere loopback is 127.0.0.1 alone")
def test_the_address_is_that_of_who_is_connected(echo: Echo) -> None:
    transport = httpx.HTTPTransport(local_address="127.0.0.3")
    with httpx.Client(transport=transport, timeout=PATIENT) as client:
        event = client.get(echo.door.url).json()
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.3"


def test_a_header_that_no_client_sent_is_in_no_event(echo: Echo) -> None:
    event = echo.event("GET", "/", headers={"User-Agent": "", "Accept": "x/y"})
    assert event["headers"]["accept"] == "x/y"
    assert "httpx" not in json.dumps(event)


def test_an_answers_headers_come_through(echo: Echo) -> None:
    answer = httpx.get(echo.door.url, timeout=PATIENT)
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["apigw-requestid"]
    assert len(answer.headers.get_list("date")) == 1
    assert "server" not in answer.headers


def test_a_function_that_crashes_tells_nothing(echo: Echo) -> None:
    answer = httpx.get(f"{echo.door.url}/crash", timeout=PATIENT)
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


def test_preflights_are_answered_for_the_origins_that_are_allowed(echo: Echo) -> None:
    def preflight(origin: str) -> httpx.Response:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        return httpx.options(f"{echo.door.url}/token", headers=headers, timeout=PATIENT)

    allowed, refused = preflight(ORIGIN), preflight("https://evil.example")
    assert allowed.status_code == refused.status_code == 204
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert not [name for name in refused.headers if name.startswith("access-control-")]
    answer = httpx.get(echo.door.url, headers={"Origin": ORIGIN}, timeout=PATIENT)
    assert answer.headers["access-control-allow-origin"] == ORIGIN


def test_a_body_above_api_gateways_limit_is_refused(echo: Echo) -> None:
    answer = httpx.post(echo.door.url, content=b"x" * (LARGEST_BODY + 1), timeout=PATIENT)
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Entity Too Large"})


def test_before_there_is_an_api_and_after_its_end_the_service_is_unavailable() -> None:
    with Emulator(enforce_iam=False) as emulator, FrontDoor(Address()) as door:
        published = Published(door.url, door.reachable_url)
        door.open(front_door(published, Upstream(emulator.door_url)))
        unavailable = (503, {"message": "Service Unavailable"})
        answer = httpx.get(door.url, timeout=PATIENT)
        assert (answer.status_code, answer.json()) == unavailable
        published.api_id = "0123456789"
        emulator.stop()
        answer = httpx.get(door.url, timeout=PATIENT)
        assert (answer.status_code, answer.json()) == unavailable


def test_where_others_reach_it_is_guessed_unless_it_is_said() -> None:
    with FrontDoor(Address("0.0.0.0")) as door:
        assert door.is_guessed
        assert door.url.endswith(f":{door.address.port}")
        assert "0.0.0.0" not in door.url
        assert door.reachable_url == f"http://127.0.0.1:{door.address.port}"
    with FrontDoor(Address("0.0.0.0", url="http://my-laptop.local:4566")) as door:
        assert (door.is_guessed, door.url) == (False, "http://my-laptop.local:4566")
    with FrontDoor(Address("::1")) as door:
        assert door.url == f"http://[::1]:{door.address.port}"


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(AddressError, match=r"192\.0\.2\.1 is no address"):
        FrontDoor(Address("192.0.2.1"))


def test_a_taken_port_is_named_with_the_way_out() -> None:
    with FrontDoor(Address()) as door, pytest.raises(PortTakenError) as caught:
        FrontDoor(door.address)
    port = door.address.port
    assert f"port {port} on 127.0.0.1 cannot be used" in str(caught.value)
    assert f"LOCAL_PORT={port + 1} make local" in str(caught.value)
