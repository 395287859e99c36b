"""Calls to AWS over a real connection, to a server that misbehaves."""

import contextlib
import http.server
import json
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from token_service import aws_json
from token_service.aws_json import AwsError, AwsJsonClient, AwsUnreachableError

Answer = tuple[int, bytes]
SECRET = b'{"SecretString": "the private key"'


@dataclass
class _Aws:
    """Answers in turn, then repeats the last one."""

    endpoint: str = ""
    answers: list[Answer] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    delay: float = 0.0


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Aws]:
    fake = _Aws()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fake.requests.append((dict(self.headers), body))
            time.sleep(fake.delay)
            status, answer = fake.answers[min(len(fake.requests), len(fake.answers)) - 1]
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            with contextlib.suppress(ConnectionError):  # A caller that has lost patience is gone.
                self.end_headers()
                self.wfile.write(answer)

        def do_GET(self) -> None:
            status, answer = fake.answers[0]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", fake.endpoint)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client() -> AwsJsonClient:
    return AwsJsonClient("ssm", "AmazonSSM", timeout=0.3, attempts=3)


def _error(code: str) -> bytes:
    return json.dumps({"__type": f"com.amazonaws.ssm#{code}", "message": "why"}).encode()


def test_a_call_is_signed_and_names_its_action(aws: _Aws, client: AwsJsonClient) -> None:
    aws.answers = [(200, b'{"Version": 3}')]
    assert client.call("PutParameter", {"Name": "/jwks"}) == {"Version": 3}
    headers, body = aws.requests[0]
    assert headers["X-Amz-Target"] == "AmazonSSM.PutParameter"
    assert headers["Content-Type"] == "application/x-amz-json-1.1"
    assert "/eu-west-1/ssm/aws4_request" in headers["Authorization"]
    assert {name.lower(): value for name, value in headers.items()}["x-amz-security-token"]
    assert json.loads(body) == {"Name": "/jwks"}


@pytest.mark.parametrize(
    "fault",
    [
        (500, _error("InternalServerError")),
        (503, b""),
        (400, _error("ThrottlingException")),
        (400, _error("TooManyUpdates")),
        (200, b"not JSON"),
        (200, b""),
        (200, b"[]"),
    ],
)
def test_a_passing_fault_is_tried_again(aws: _Aws, client: AwsJsonClient, fault: Answer) -> None:
    aws.answers = [fault, fault, (200, b'{"ok": true}')]
    assert client.call("GetParameter", {}) == {"ok": True}
    assert len(aws.requests) == 3


def test_a_lasting_fault_is_told_after_the_last_attempt(aws: _Aws, client: AwsJsonClient) -> None:
    aws.answers = [(500, _error("InternalServerError"))]
    with pytest.raises(AwsUnreachableError, match="ssm:GetParameter: InternalServerError: why"):
        client.call("GetParameter", {})
    assert len(aws.requests) == 3


@pytest.mark.parametrize("code", ["AccessDeniedException", "ParameterNotFound"])
def test_a_refusal_is_not_tried_again(aws: _Aws, client: AwsJsonClient, code: str) -> None:
    aws.answers = [(400, _error(code))]
    with pytest.raises(AwsError) as refused:
        client.call("GetParameter", {})
    assert refused.value.code == code
    assert not isinstance(refused.value, AwsUnreachableError)
    assert len(aws.requests) == 1


def test_a_service_that_does_not_answer_costs_the_timeouts_only(
    aws: _Aws, client: AwsJsonClient
) -> None:
    aws.answers, aws.delay = [(200, b"{}")], 2.0
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


@pytest.mark.parametrize("answer", [(200, SECRET), (500, SECRET), (400, SECRET)])
def test_an_answer_that_is_cut_short_is_never_quoted(
    aws: _Aws, client: AwsJsonClient, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    aws.answers = [answer]
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
    aws.answers = [(200, b'{"AccessKeyId": "AKIDOTHER", "SecretAccessKey": "s", "Token": "t"}')]
    client.call("GetParameter", {})
    assert "Credential=AKIDOTHER/" in aws.requests[0][0]["Authorization"]


def test_an_endpoint_without_credentials_is_an_outage(
    aws: _Aws, client: AwsJsonClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.endpoint}/credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token")
    aws.answers = [(500, b"oops")]
    with pytest.raises(AwsUnreachableError):
        client.call("GetParameter", {})


def test_aws_itself_is_called_by_https(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert aws_json._endpoint("ssm") == "https://ssm.eu-west-1.amazonaws.com"
