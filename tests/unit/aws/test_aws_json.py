"""Calls to AWS over a real connection, to a server that misbehaves."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import boto3
import pytest

from tests.loopback import Request, Response, dripping, serving
from tests.patience import PATIENT, SOON
from token_service.aws import aws_json
from token_service.aws.aws_json import AwsError, AwsJsonClient, AwsUnreachableError

SECRET = b'{"SecretString": "the private key"'


@dataclass
class _Aws:
    """Answers in turn, then repeats the last one."""

    endpoint: str = ""
    answers: list[Response] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    silent: bool = False
    ended: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: Request) -> Response:
        self.requests.append(request)
        if self.silent:
            self.ended.wait(PATIENT)
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
        fake.ended.set()


@pytest.fixture
def client() -> AwsJsonClient:
    return AwsJsonClient("ssm", "AmazonSSM", time_limit=60.0, attempts=3)


def _error(code: str, message: str = "why") -> bytes:
    return json.dumps({"__type": f"com.amazonaws.ssm#{code}", "message": message}).encode()


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
        Response(400, _error("DecryptionFailure")),
        Response(400, _error("ExpiredTokenException")),
        Response(400, _error("ExpiredToken")),
        Response(400, _error("RequestExpired")),
        Response(400, _error("UnrecognizedClientException")),
        Response(
            400, _error("InvalidSignatureException", "Signature expired: 20261123T1 is now …")
        ),
        Response(400, _error("InvalidSignatureException", "Signature not yet current: 2026…")),
        Response(403, b"<html>a proxy's own page</html>"),
        Response(200, b"[" * 100_000),
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


def test_there_is_a_pause_between_attempts_and_it_grows(
    aws: _Aws, client: AwsJsonClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    aws.answers = [Response(500, _error("InternalServerError"))]
    with pytest.raises(AwsUnreachableError):
        client.call("GetParameter", {})
    assert pauses == [0.1, 0.2]


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ParameterNotFound", "InvalidSignatureException"]
)
def test_a_refusal_is_not_tried_again(aws: _Aws, client: AwsJsonClient, code: str) -> None:
    aws.answers = [Response(400, _error(code))]
    with pytest.raises(AwsError) as refused:
        client.call("GetParameter", {})
    assert refused.value.code == code
    assert not isinstance(refused.value, AwsUnreachableError)
    assert len(aws.requests) == 1


def test_a_service_that_is_silent_costs_the_time_limit_and_is_asked_as_often_as_it_may(
    aws: _Aws,
) -> None:
    aws.answers, aws.silent = [Response(200, b"{}")], True
    started = time.monotonic()
    with pytest.raises(AwsUnreachableError, match="TimeoutError"):
        AwsJsonClient("ssm", "AmazonSSM", time_limit=2.0, attempts=2).call("GetParameter", {})
    assert 1.9 < time.monotonic() - started < SOON
    while len(aws.requests) < 2:  # The server may be late to notice.
        assert time.monotonic() - started < PATIENT
        time.sleep(0.01)
    assert len(aws.requests) == 2


def test_a_service_that_drips_costs_the_time_limit_and_no_more(
    monkeypatch: pytest.MonkeyPatch, aws: _Aws
) -> None:
    """Each byte would start a socket's own timeout again."""
    with dripping() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        started = time.monotonic()
        with pytest.raises(AwsUnreachableError, match="TimeoutError"):
            AwsJsonClient("ssm", "AmazonSSM", time_limit=1.0, attempts=2).call("GetParameter", {})
        assert 0.9 < time.monotonic() - started < SOON


def test_an_answer_without_end_is_not_read(aws: _Aws, client: AwsJsonClient) -> None:
    aws.answers = [Response(200, b" " * 1_048_577), Response(200, b"{}" + b" " * 1_048_574)]
    assert client.call("GetParameter", {}) == {}
    assert len(aws.requests) == 2


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


def test_another_attempt_has_fresh_credentials(
    aws: _Aws, client: AwsJsonClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.endpoint}/credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token")
    given = {"SecretAccessKey": "s", "Token": "t"}
    aws.answers = [
        Response(200, json.dumps({"AccessKeyId": "AKIDOLD", **given}).encode()),
        Response(400, _error("ExpiredTokenException")),
        Response(200, json.dumps({"AccessKeyId": "AKIDNEW", **given}).encode()),
        Response(200, b"{}"),
    ]
    client.call("GetParameter", {})
    assert "Credential=AKIDOLD/" in aws.requests[1].headers["authorization"]
    assert "Credential=AKIDNEW/" in aws.requests[3].headers["authorization"]


def test_a_silent_endpoint_of_credentials_is_within_the_time_limit(
    aws: _Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dripping() as url:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url}/credentials")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token")
        started = time.monotonic()
        with pytest.raises(AwsUnreachableError, match="TimeoutError"):
            AwsJsonClient("ssm", "AmazonSSM", time_limit=1.0, attempts=2).call("GetParameter", {})
        assert 0.9 < time.monotonic() - started < SOON
    assert aws.requests == []


def test_an_endpoint_without_credentials_is_an_outage(
    aws: _Aws, client: AwsJsonClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.endpoint}/credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token")
    aws.answers = [Response(500, b"oops")]
    with pytest.raises(AwsUnreachableError):
        client.call("GetParameter", {})


@pytest.mark.parametrize(
    ("service", "variable"),
    [
        ("ssm", "AWS_ENDPOINT_URL_SSM"),
        ("kms", "AWS_ENDPOINT_URL_KMS"),
        ("secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER"),
    ],
)
def test_an_endpoint_of_a_service_comes_before_that_of_all(
    monkeypatch: pytest.MonkeyPatch, service: str, variable: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://all.example.com/")
    assert aws_json._endpoint(service) == "http://all.example.com"
    monkeypatch.setenv(variable, "http://one.example.com/")
    assert aws_json._endpoint(service) == "http://one.example.com"


@pytest.fixture
def without_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL")]:
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("without_overrides")
def test_aws_itself_is_called_by_https(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert aws_json._endpoint("ssm") == "https://ssm.eu-west-1.amazonaws.com"


@pytest.mark.usefixtures("without_overrides")
@pytest.mark.parametrize(
    ("region", "suffix"),
    [
        ("us-east-1", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("cn-north-1", "amazonaws.com.cn"),
        ("eusc-de-east-1", "amazonaws.eu"),
        ("us-iso-east-1", "c2s.ic.gov"),
        ("us-isob-east-1", "sc2s.sgov.gov"),
        ("eu-isoe-west-1", "cloud.adc-e.uk"),
        ("us-isof-south-1", "csp.hci.ic.gov"),
    ],
)
@pytest.mark.parametrize("service", ["secretsmanager", "ssm", "kms"])
def test_the_endpoint_is_the_one_that_botocore_finds(
    monkeypatch: pytest.MonkeyPatch, region: str, suffix: str, service: str
) -> None:
    monkeypatch.setenv("AWS_REGION", region)
    monkeypatch.setattr(aws_json, "_DNS_SUFFIX", suffix)
    expected = boto3.client(
        service, region, aws_access_key_id="x", aws_secret_access_key="x"
    ).meta.endpoint_url
    assert aws_json._endpoint(service) == expected


@pytest.mark.parametrize(
    ("variables", "suffix"),
    [({}, "amazonaws.com"), ({"DNS_SUFFIX": "amazonaws.com.cn"}, "amazonaws.com.cn")],
)
def test_the_suffix_comes_from_the_environment_if_it_is_there(
    variables: dict[str, str], suffix: str
) -> None:
    code = "from token_service.aws import aws_json; print(aws_json._DNS_SUFFIX)"
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), **variables}
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, env=environment, text=True).strip() == suffix
