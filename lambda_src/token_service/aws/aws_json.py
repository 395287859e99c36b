"""Calls to AWS services that speak the JSON 1.1 protocol, without boto3.

Importing boto3 and making a client costs more CPU at a cold start than everything else together.
Two services and a handful of calls need a signature (by the library aws-request-signer) and a POST.
"""

import hashlib
import http.client
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aws_request_signer import AwsRequestSigner

from token_service.aws import tls

_RETRIED = (
    "InternalServerError",
    "InternalServiceError",
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "TooManyUpdates",
)


class AwsError(Exception):
    """AWS answered with an error: its `code` (such as `AccessDeniedException`) and message."""

    def __init__(self, service: str, action: str, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"{service}:{action}: {code}: {message}")


class AwsUnreachableError(AwsError):
    """AWS did not answer in time, was throttling, or answered with a fault of its own."""


@dataclass(frozen=True, slots=True)
class AwsJsonClient:
    """One AWS service.

    Attributes:
        service: The name it signs with, such as `ssm`.
        target_prefix: What stands before the action in `X-Amz-Target`.
        timeout: Seconds for connecting and for each read.
        attempts: How often a call is made in all before `AwsUnreachableError`.
    """

    service: str
    target_prefix: str
    timeout: float = 2.0
    attempts: int = 3

    def call(self, action: str, parameters: Mapping[str, object]) -> dict[str, object]:
        """Make one call; faults and throttling are tried again after 0.1 s, 0.2 s, …

        Only calls that may be made twice go through here: reads, and writes that AWS itself makes
        idempotent by a token or a version. Raises `AwsError` and `AwsUnreachableError`.
        """
        for attempt in range(1, self.attempts + 1):
            try:
                return self._call_once(action, parameters)
            except AwsUnreachableError:
                if attempt == self.attempts:
                    raise
                time.sleep(0.1 * 2 ** (attempt - 1))
        raise AssertionError("attempts is at least 1")

    def _call_once(self, action: str, parameters: Mapping[str, object]) -> dict[str, object]:
        endpoint = _endpoint(self.service)
        body = json.dumps(parameters).encode()
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"{self.target_prefix}.{action}",
        }
        connection = _connection(endpoint, self.timeout)
        try:
            credentials = _credentials(self.timeout)
            signed = _sign(self.service, endpoint, headers, body, credentials)
            connection.request("POST", "/", body, signed)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise AwsUnreachableError(self.service, action, type(error).__name__, "") from error
        finally:
            connection.close()
        return self._parse(action, response.status, answer)

    def _parse(self, action: str, status: int, answer: bytes) -> dict[str, object]:
        try:
            data = json.loads(answer)
        except ValueError:
            # What does not parse may still hold a secret's beginning: it is not quoted.
            data = None
        if status == http.client.OK and isinstance(data, dict):
            return data
        if not isinstance(data, dict):
            raise AwsUnreachableError(self.service, action, f"HTTP {status}", "not a JSON object")
        code = str(data.get("__type", f"HTTP {status}")).rpartition("#")[2]
        message = str(data.get("message") or data.get("Message") or "")
        fault = status >= http.client.INTERNAL_SERVER_ERROR or code in _RETRIED
        raise (AwsUnreachableError if fault else AwsError)(self.service, action, code, message)


def _endpoint(service: str) -> str:
    """The service's URL, which the SDKs' own variables may point elsewhere."""
    override = os.environ.get(
        "AWS_ENDPOINT_URL_" + ("SECRETS_MANAGER" if service == "secretsmanager" else "SSM")
    ) or os.environ.get("AWS_ENDPOINT_URL")
    return (override or f"https://{service}.{os.environ['AWS_REGION']}.amazonaws.com").rstrip("/")


def _connection(endpoint: str, timeout: float) -> http.client.HTTPConnection:
    url = urlsplit(endpoint)
    if url.scheme == "https":
        context = tls.client_context()
        return http.client.HTTPSConnection(url.netloc, timeout=timeout, context=context)
    return http.client.HTTPConnection(url.netloc, timeout=timeout)


@dataclass(frozen=True, slots=True)
class _Credentials:
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(repr=False)


def _credentials(timeout: float) -> _Credentials:
    """The function's own credentials.

    Lambda hands them over in the environment, except to functions with SnapStart: those ask a
    loopback endpoint, since what a snapshot has in its environment expires.
    """
    if "AWS_ACCESS_KEY_ID" in os.environ:
        return _Credentials(
            os.environ["AWS_ACCESS_KEY_ID"],
            os.environ["AWS_SECRET_ACCESS_KEY"],
            os.environ.get("AWS_SESSION_TOKEN"),
        )
    url = urlsplit(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    connection = http.client.HTTPConnection(url.netloc, timeout=timeout)
    try:
        authorization = os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        connection.request("GET", url.path, headers={"Authorization": authorization})
        data = json.loads(connection.getresponse().read())
        return _Credentials(data["AccessKeyId"], data["SecretAccessKey"], data["Token"])
    except (ValueError, KeyError, TypeError):
        # Not an error's cause: it could quote credentials.
        raise http.client.HTTPException("the credentials endpoint gave none") from None
    finally:
        connection.close()


def _sign(
    service: str, endpoint: str, headers: dict[str, str], body: bytes, credentials: _Credentials
) -> dict[str, str]:
    """The headers with a Signature Version 4."""
    signer = AwsRequestSigner(
        os.environ["AWS_REGION"],
        credentials.access_key_id,
        credentials.secret_access_key,
        service,
        session_token=credentials.session_token,
    )
    content_hash = hashlib.sha256(body).hexdigest()
    return {**headers, **signer.sign_with_headers("POST", endpoint + "/", headers, content_hash)}
