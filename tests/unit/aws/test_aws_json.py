"""Calls to AWS over a real connection, to a server that misbehaves."""

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.loopback import Request, Response, serving
from token_service.aws import aws_json
from token_service.aws.aws_json import AwsError, AwsJsonClient, AwsUnreachableError

SECRET = b'{"SecretString": "the private key"'


@dataclass
class _Aws:
    """Answers in turn, then repeats the last one."""

    endpoint: str = ""
    answers: list[Response] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    delay: float = 0.0

    def answer(self, request: Request) -> Response:
        self.requests.append(request)
        time.sleep(self.delay)
        return self.answers[min(len(self.requests), len(self.answers)) - 1]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Aws]:
    fake = _Aws()
    with serving(fake.answer) as fake.endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", fake.endpoint)
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
        yield fake


@pytest.fixture
def client() -> AwsJsonClient:
    return AwsJsonClient("ssm", "AmazonSSM", timeout=0.3, attempts=3)


def _error(code: str) -> bytes:
    return json.dumps({"__type": f"com.amazonaws.ssm#{code}", "message": "why"}).encode()


def test_a_call_is_signed_and_names_its_action(aws: _Aws, client: AwsJsonClient) -> None:
    aws.answers = [Response(200, b'{"Version": 3}')]
    assert client.call("PutParameter", {"Name": "/jwks"}) == {"Version": 3}
    (asked,) = aws.requests
    assert asked.headers["x-amz-target"] == "AmazonSSM.PutParameter"
    assert asked.headers["content-type"] == "application/x-amz-json-1.1"
    assert "/eu-west-1/ssm/aws4_request" in asked.headers["authorization"]
    assert asked.headers["x-amz-security-token"]
    assert json.loads(asked.body) == {"Name": "/jwks"}


@pytest.mark.parametrize(
    "fault",
    [
        Response(500, _error("InternalServerError")),
        Response(503, b""),
        Response(400, _error("ThrottlingException")),
        Response(400, _error("TooManyUpdates")),
        Response(200, b"not JSON"),
        Response(200, b""),
        Response(200, b"[]"),
    ],
)
def test_a_passing_fault_is_tried_again(aws: _Aws, client: AwsJsonClient, fault: Response) -> None:
    aws.answers = [fault, fault, Response(200, b'{"ok": true}')]
    assert client.call("GetParameter", {}) == {"ok": True}
    assert len(aws.requests) == 3


def test_a_lasting_fault_is_told_after_the_last_attempt(aws: _Aws, client: AwsJsonClient) -> None:
    aws.answers = [Response(500, _error("InternalServerError"))]
    with pytest.raises(AwsUnreachableError, match="ssm:GetParameter: InternalServerError: why"):
        client.call("GetParameter", {})
    assert len(aws.requests) == 3


@pytest.mark.parametrize("code", ["AccessDeniedException", "ParameterNotFound"])
def test_a_refusal_is_not_tried_again(aws: _Aws, client: AwsJsonClient, code: str) -> None:
    aws.answers = [Response(400, _error(code))]
    with pytest.raises(AwsError) as refused:
        client.call("GetParameter", {})
    assert refused.value.code == code
    assert not isinstance(refused.value, AwsUnreachableError)
    assert len(aws.requests) == 1


def test_a_service_that_does_not_answer_costs_the_timeouts_only(
    aws: _Aws, client: AwsJsonClient
) -> None:
    aws.answers, aws.delay = [Response(200, b"{}")], 2.0
    started = time.monotonic()
    with pytest.raises(AwsUnreachableError, match="TimeoutError"):
        client.call("GetParameter", {})
    assert time.monotonic() - started < 2


def test_a_service_that_is_not_there_is_unreachable(
    aws: _Aws, client: AwsJsonClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:1")
    with pytest.raises(AwsUnreachableError, match="ConnectionRefusedError"):
        client.call("GetParameter", {})
    assert aws.requests == []


@pytest.mark.parametrize("status", [200, 500, 400])
def test_an_answer_that_is_cut_short_is_never_quoted(
    aws: _Aws, client: AwsJsonClient, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    aws.answers = [Response(status, SECRET)]
    try:
        client.call("GetSecretValue", {})
    except AwsUnreachableError:
        logging.getLogger("test").exception("what a function logs")
    assert "what a function logs" in caplog.text
    assert "private key" not in caplog.text


def test_credentials_of_snap_start_come_from_its_endpoint(
    aws: _Aws, client: AwsJsonClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.endpoint}/credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token")
    credentials = {"AccessKeyId": "AKIDOTHER", "SecretAccessKey": "s", "Token": "t"}
    aws.answers = [Response(200, json.dumps(credentials).encode())]
    client.call("GetParameter", {})
    for_credentials, call = aws.requests
    assert (for_credentials.method, for_credentials.path) == ("GET", "/credentials")
    assert for_credentials.headers["authorization"] == "token"
    assert "Credential=AKIDOTHER/" in call.headers["authorization"]


def test_an_endpoint_without_credentials_is_an_outage(
    aws: _Aws, client: AwsJsonClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.endpoint}/credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token")
    aws.answers = [Response(500, b"oops")]
    with pytest.raises(AwsUnreachableError):
        client.call("GetParameter", {})


def test_aws_itself_is_called_by_https(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert aws_json._endpoint("ssm") == "https://ssm.eu-west-1.amazonaws.com"
