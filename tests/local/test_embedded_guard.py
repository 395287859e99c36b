"""Nobody but its owner gets at the embedded AWS, which would run a stranger's code."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.door.server import FrontDoor
from local.stack import LocalStack
from tests.patience import PATIENT

CREATE_FUNCTION = "/2015-03-31/functions"
FOREIGN_HOST = "rebound.evil.example"
FOREIGN_ORIGIN = "https://evil.example"
ROOT_SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request,"
    " SignedHeaders=host, Signature=00"
)


def asked(
    url: str, target: str, headers: dict[str, str], method: str = "POST"
) -> tuple[int, bytes]:
    """The answer to a request as it stands: no client tidies the target up."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENT)
    body = json.dumps({"FunctionName": "planted", "Role": "r", "Code": {"ZipFile": ""}})
    try:
        connection.putrequest(method, target, skip_host="Host" in headers)
        for name, value in {"Authorization": ROOT_SIGNATURE, **headers}.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body.encode())
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def planted(stack: LocalStack) -> bool:
    functions = stack.aws.client("lambda").list_functions()["Functions"]
    return any(function["FunctionName"] == "planted" for function in functions)


def own_path(stack: LocalStack) -> str:
    return urlsplit(stack.aws.endpoint).path


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": FOREIGN_HOST},
        {"Host": FOREIGN_HOST, "Origin": f"http://{FOREIGN_HOST}"},
        {"Origin": FOREIGN_ORIGIN},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "127.0.0.1"},
        {"Host": ""},
    ],
)
def test_what_comes_from_a_page_is_refused_even_with_the_key(
    headers: dict[str, str], stack: LocalStack
) -> None:
    status, body = asked(stack.aws.endpoint, own_path(stack) + CREATE_FUNCTION, headers)
    assert (status, b"Forbidden" in body) == (403, True)
    assert not planted(stack)


@pytest.mark.parametrize("prefix", ["", "/", "/test", "/000000000000", "/" + "0" * 32])
def test_what_does_not_know_the_key_is_refused(prefix: str, stack: LocalStack) -> None:
    for path in (CREATE_FUNCTION, "/_ministack/health", "/_ministack/reset", "/"):
        assert asked(stack.aws.endpoint, prefix + path, {})[0] == 403
    assert not planted(stack)


def test_the_key_is_another_at_each_start_and_long(stack: LocalStack) -> None:
    assert len(own_path(stack)) == 1 + 32
    assert stack.emulator.port != 4566


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", CREATE_FUNCTION),
        ("POST", f"/_aws/execute-api/../..{CREATE_FUNCTION}"),
        ("GET", "/_ministack/health"),
        ("POST", "/_ministack/reset"),
        ("GET", "/a-bucket/.well-known/jwks.json/../secret"),
        ("POST", "/"),
    ],
)
def test_the_doors_key_opens_the_public_side_only(
    method: str, target: str, stack: LocalStack
) -> None:
    path = urlsplit(stack.emulator.door_url).path
    headers = {"X-Amz-Target": "AWSCognitoIdentityProviderService.ListUserPools"}
    status, _ = asked(stack.emulator.door_url, path + target, headers, method)
    assert status in (403, 404)
    assert not planted(stack)
    assert stack.aws.client("cognito-idp").list_user_pools(MaxResults=1)["UserPools"]


@pytest.mark.parametrize(
    "target",
    [
        CREATE_FUNCTION,
        f"/x/../..{CREATE_FUNCTION}",
        f"/../../..{CREATE_FUNCTION}",
        f"/%2e%2e/%2e%2e{CREATE_FUNCTION}",
        f"/..%2f..{CREATE_FUNCTION}",
        f"//127.0.0.1{CREATE_FUNCTION}",
        "/_ministack/reset",
        "/_aws/execute-api/x",
    ],
)
def test_the_front_door_leads_nowhere_else(target: str, stack: LocalStack) -> None:
    status, body = asked(stack.door.url, target, {})
    assert (status, json.loads(body)["error"]) == (404, "not_found")  # the API's own answer
    assert not planted(stack)


def test_a_whole_url_in_the_request_line_leads_nowhere_else(stack: LocalStack) -> None:
    status, _ = asked(stack.door.url, f"{stack.aws.endpoint}{CREATE_FUNCTION}", {})
    assert status in (400, 404)
    assert not planted(stack)


@pytest.mark.parametrize(
    "action",
    ["ListUserPools", "AdminInitiateAuth", "AdminSetUserPassword", "CreateUserPool", "GetUser", ""],
)
def test_only_what_signs_in_is_passed_on_to_the_user_pool(action: str, stack: LocalStack) -> None:
    headers = {"X-Amz-Target": f"AWSCognitoIdentityProviderService.{action}"}
    status, body = asked(stack.door.url, "/", headers)
    assert (status, json.loads(body)["__type"]) == (400, "UnknownOperationException")


def test_other_services_are_not_behind_the_door(stack: LocalStack) -> None:
    for target in ("secretsmanager.GetSecretValue", "AmazonSSM.PutParameter", "TrentService.Sign"):
        assert asked(stack.door.url, "/", {"X-Amz-Target": target})[0] == 404


@pytest.mark.parametrize("host", [FOREIGN_HOST, "8.8.8.8", "127.0.0.1.evil.example:4566", ""])
def test_the_door_is_not_asked_by_a_strangers_name(host: str, stack: LocalStack) -> None:
    status, _ = asked(stack.door.url, "/.well-known/jwks.json", {"Host": host}, "GET")
    assert status == 403


@pytest.mark.parametrize(
    "host", ["localhost:4566", "10.0.2.2:4566", "host.docker.internal:4566", "powersync-auth"]
)
def test_the_door_is_asked_by_names_on_the_desk(host: str, stack: LocalStack) -> None:
    status, body = asked(stack.door.url, "/.well-known/jwks.json", {"Host": host}, "GET")
    assert (status, len(json.loads(body)["keys"]) >= 2) == (200, True)


def test_the_door_has_the_user_pools_keys_and_its_discovery(stack: LocalStack) -> None:
    pool = stack.outputs["user_pool_id"]

    def document(name: str) -> dict[str, Any]:
        answer = asked(stack.door.url, f"/{pool}/.well-known/{name}", {}, "GET")
        assert answer[0] == 200
        found: dict[str, Any] = json.loads(answer[1])
        return found

    configuration = document("openid-configuration")
    assert configuration["jwks_uri"] == f"{stack.door.url}/{pool}/.well-known/jwks.json"
    assert not any(name.endswith("_endpoint") for name in configuration)
    assert document("jwks.json")["keys"]
    other = asked(stack.door.url, "/us-east-1_Other/.well-known/jwks.json", {}, "GET")
    assert other[0] == 404


def test_the_outputs_are_the_doors_urls(stack: LocalStack) -> None:
    door: FrontDoor = stack.door
    for name in ("jwks_uri", "token_url", "anonymous_token_url", "issuer"):
        assert stack.outputs[name].startswith(door.url)
    assert stack.aws.endpoint not in json.dumps({**stack.outputs, "local": None})
