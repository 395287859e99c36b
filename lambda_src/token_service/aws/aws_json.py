"""Calls to AWS services that speak the JSON 1.1 protocol, without boto3.

Importing boto3 and making a client costs more CPU at a cold start than everything else together. A
few services and a handful of calls need a signature (by the library aws-request-signer) and a POST.
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from typing import TypeVar

from aws_request_signer import AwsRequestSigner

from token_service.aws.exchange import NoAnswerError, exchange

T = TypeVar("T")

_RETRIED = frozenset(
    {
        "InternalServerError",
        "InternalServiceError",
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "TooManyUpdates",
        # Secrets Manager, when KMS fails it.
        "DecryptionFailure",
        # Credentials that have run out, or that are so new that not all of AWS knows them.
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "UnrecognizedClientException",
    }
)
_CLOCK_WORDS = ("Signature expired", "Signature not yet current")
"""How the message of an `InvalidSignatureException` begins that is about the time of signing, as
when a function is frozen between signing and sending, or the clock was just corrected."""

_LARGEST_ANSWER = 1_048_576
"""Bytes. The longest is a secret of 64 KiB, in JSON."""

_PAUSE = 0.1
"""Seconds before the second attempt; twice that before the third, and so on."""

_DNS_SUFFIX = os.environ.get("DNS_SUFFIX") or "amazonaws.com"
"""What the names of AWS's endpoints end in: not the same in China, in the EU Sovereign Cloud and in
others. An environment that an earlier release made does not say."""

_SDK_NAMES = {"secretsmanager": "SECRETS_MANAGER"}
"""How a service is called in `AWS_ENDPOINT_URL_…`, if not by the name that it signs with."""


class AwsError(Exception):
    """AWS answered with an error: its `code` (such as `AccessDeniedException`) and message."""

    def __init__(self, service: str, action: str, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"{service}:{action}: {code}: {message}")


class AwsUnreachableError(AwsError):
    """AWS did not answer usefully: not in time, throttling, or with what another try may mend."""


class IncompleteAnswerError(AwsError):
    """An answer of AWS lacks a member that it has by AWS's contract."""

    def __init__(self, member: str) -> None:
        super().__init__("aws", "answer", "IncompleteAnswer", f"there is no {member} in it")


class AwsJsonClient:
    """One AWS service.

    Args:
        service: The name it signs with, such as `ssm`.
        target_prefix: What stands before the action in `X-Amz-Target`, such as `AmazonSSM`.
        time_limit: Seconds for a whole call: all attempts and the pauses between them, credentials,
            connecting, TLS, and an answer however slowly it drips. Each attempt may take its share.
        attempts: How often a call is made in all before `AwsUnreachableError`.
    """

    def __init__(
        self, service: str, target_prefix: str, time_limit: float = 7.5, attempts: int = 3
    ) -> None:
        self.service = service
        self.target_prefix = target_prefix
        self.time_limit = time_limit
        self.attempts = attempts

    def call(self, action: str, parameters: Mapping[str, object]) -> dict[str, object]:
        """Make one call; what may pass is tried again after 0.1 s, 0.2 s, …

        Only calls that may be made twice go through here: reads, and writes that AWS itself makes
        idempotent by a token or a version. Raises `AwsError` and `AwsUnreachableError`.
        """
        deadline = time.monotonic() + self.time_limit
        for attempt in range(self.attempts):
            share = (deadline - time.monotonic()) / (self.attempts - attempt)
            try:
                return self._call_once(action, parameters, time.monotonic() + share)
            except AwsUnreachableError:
                if attempt == self.attempts - 1:
                    raise
                time.sleep(_PAUSE * 2**attempt)
        raise AssertionError("attempts is at least 1")

    def _call_once(
        self, action: str, parameters: Mapping[str, object], deadline: float
    ) -> dict[str, object]:
        endpoint = _endpoint(self.service)
        body = json.dumps(parameters).encode()
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"{self.target_prefix}.{action}",
        }
        try:
            # Read for each attempt: those of the one before may be what was refused.
            signed = _sign(_signer(self.service, deadline), endpoint, headers, body)
            answer = exchange(
                "POST", endpoint + "/", signed, body, deadline=deadline, largest=_LARGEST_ANSWER
            )
        except NoAnswerError as error:
            raise AwsUnreachableError(self.service, action, str(error), "") from error
        return self._parse(action, answer.status, answer.body)

    def _parse(self, action: str, status: int, answer: bytes) -> dict[str, object]:
        try:
            data = json.loads(answer)
        except (ValueError, RecursionError):
            # What does not parse may still hold a secret's beginning: it is not quoted.
            data = None
        if status == 200 and isinstance(data, dict):
            return data
        if not isinstance(data, dict):
            raise AwsUnreachableError(self.service, action, f"HTTP {status}", "not a JSON object")
        code = str(data.get("__type", f"HTTP {status}")).rpartition("#")[2]
        message = str(data.get("message") or data.get("Message") or "")
        may_pass = status >= 500 or code in _RETRIED or _is_about_the_clock(code, message)
        raise (AwsUnreachableError if may_pass else AwsError)(self.service, action, code, message)


def _is_about_the_clock(code: str, message: str) -> bool:
    return code == "InvalidSignatureException" and message.startswith(_CLOCK_WORDS)


def _endpoint(service: str) -> str:
    """The service's URL, which the SDKs' own variables may point elsewhere."""
    override = os.environ.get(
        f"AWS_ENDPOINT_URL_{_SDK_NAMES.get(service, service.upper())}"
    ) or os.environ.get("AWS_ENDPOINT_URL")
    return (override or f"https://{service}.{os.environ['AWS_REGION']}.{_DNS_SUFFIX}").rstrip("/")


def _signer(service: str, deadline: float) -> AwsRequestSigner:
    """Signs with the function's own credentials (Signature Version 4); raises `NoAnswerError`.

    Lambda hands them over in the environment, except to functions with SnapStart: those ask a
    loopback endpoint, since what a snapshot has in its environment expires.
    """
    region = os.environ["AWS_REGION"]
    if "AWS_ACCESS_KEY_ID" in os.environ:
        return AwsRequestSigner(
            region,
            os.environ["AWS_ACCESS_KEY_ID"],
            os.environ["AWS_SECRET_ACCESS_KEY"],
            service,
            session_token=os.environ.get("AWS_SESSION_TOKEN"),
        )
    answer = exchange(
        "GET",
        os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        {"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]},
        deadline=deadline,
        largest=_LARGEST_ANSWER,
    )
    try:
        data = json.loads(answer.body)
        return AwsRequestSigner(
            region,
            data["AccessKeyId"],
            data["SecretAccessKey"],
            service,
            session_token=data["Token"],
        )
    except (ValueError, KeyError, TypeError):
        # Not an error's cause: it could quote credentials.
        raise NoAnswerError("the credentials endpoint gave none") from None


def _sign(
    signer: AwsRequestSigner, endpoint: str, headers: dict[str, str], body: bytes
) -> dict[str, str]:
    """The headers with a signature."""
    content_hash = hashlib.sha256(body).hexdigest()
    return {**headers, **signer.sign_with_headers("POST", endpoint + "/", headers, content_hash)}


def member(answer: Mapping[str, object], name: str, kind: type[T] | tuple[type[T], ...]) -> T:
    """A member of an answer of AWS, which has always had it; raises `IncompleteAnswerError`."""
    value = answer.get(name)
    if not isinstance(value, kind):
        raise IncompleteAnswerError(name)
    return value
