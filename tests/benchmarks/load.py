"""Parallel clients against the stack as it is deployed locally, and against an empty function.

The embedded AWS is most of what they wait for, so its own part is measured beside: a function that
does nothing, behind the same HTTP API. It answers 50 ms later where a function logs nothing, which
neither of the two does. Throttling has no effect there.
"""

import http.client
import io
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

from local.stack import LocalStack
from powersync_auth.bundle import AWS

CLIENTS = 8
WARM_UP_ANSWERS = 10
"""For each client, so that each has a container of its own by then."""
EMPTY_SECONDS = 10.0

_EMPTY = "def handler(event, context):\n    return {'statusCode': 200, 'body': '{}'}\n"


@dataclass
class Answers:
    """What the clients got: how long each answer took in seconds, and the errors."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def percentile(self, percent: int) -> float:
        """Seconds within which so many of the answers came."""
        return quantiles(self.seconds, n=100)[percent - 1]


def measure_load(seconds: float, progress: Callable[[str], None]) -> dict[str, float]:
    """Deploys, lets `CLIENTS` ask for anonymous tokens for `seconds`, and says how it went."""
    progress("deploying to the embedded AWS")
    with LocalStack() as stack:
        url = stack.outputs["anonymous_token_url"]
        empty_url = _deploy_empty(stack)
        progress(f"{CLIENTS} parallel clients")
        answers = _ask(url, seconds)
        empty = _ask(empty_url, min(seconds, EMPTY_SECONDS))
    if empty.errors:
        raise RuntimeError(f"the emulator's own errors: {empty.errors[:3]}")
    if len(answers.seconds) < CLIENTS:
        raise RuntimeError(f"clients without an answer: {answers.errors[:3]}")
    return {
        "local.anonymous_errors": len(answers.errors),
        "local.anonymous_answers": len(answers.seconds),
        "local.anonymous_p50": answers.percentile(50),
        "local.anonymous_p99": answers.percentile(99),
        "local.empty_p50": empty.percentile(50),
        "local.empty_p99": empty.percentile(99),
    }


def _deploy_empty(stack: LocalStack) -> str:
    """Puts an empty function behind the stack's HTTP API; returns its URL."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("empty.py", _EMPTY)
    functions = stack.aws.client("lambda")
    role = functions.list_functions()["Functions"][0]["Role"]
    made = functions.create_function(
        FunctionName="empty",
        Runtime=AWS.runtime,
        Role=role,
        Handler="empty.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    gateway = stack.aws.client("apigatewayv2")
    (api,) = gateway.get_apis()["Items"]
    integration = gateway.create_integration(
        ApiId=api["ApiId"],
        IntegrationType="AWS_PROXY",
        IntegrationUri=made["FunctionArn"],
        PayloadFormatVersion="2.0",
    )
    target = f"integrations/{integration['IntegrationId']}"
    gateway.create_route(ApiId=api["ApiId"], RouteKey="GET /empty", Target=target)
    return f"{stack.outputs['issuer']}/empty"


def _ask(url: str, seconds: float) -> Answers:
    """All clients at once: first the warm-up, which does not count, then for `seconds`."""
    answers = Answers()
    warm = threading.Barrier(CLIENTS)
    threads = [
        threading.Thread(target=_client, args=(url, seconds, warm, answers)) for _ in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _client(url: str, seconds: float, warm: threading.Barrier, answers: Answers) -> None:
    """One client; like most, it keeps its connection."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    path = urlsplit(url).path
    try:
        for _ in range(WARM_UP_ANSWERS):
            _get(connection, path)
        warm.wait()
        until = time.monotonic() + seconds
        while (began := time.monotonic()) < until:
            status, body = _get(connection, path)
            answers.seconds.append(time.monotonic() - began)
            if status != http.HTTPStatus.OK:
                answers.errors.append(f"{status}: {body[:200]!r}")
    except (OSError, http.client.HTTPException, threading.BrokenBarrierError) as error:
        warm.abort()
        answers.errors.append(repr(error))
    finally:
        connection.close()


def _get(connection: http.client.HTTPConnection, path: str) -> tuple[int, Any]:
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read()
