"""What MiniStack takes botocore for, done without it.

It reads the models of services, some megabytes of JSON, for two small things: how a service's
answers are written, and which of its operations take tags. And each worker of a function imports
botocore to count how deep functions invoke each other with it, which ours do not. This was half of
what a start costs, and a third of a function's cold start. The functions here stand for some of
MiniStack's, whose version is pinned; `tests/local/test_without_botocore.py` shows that they fit.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

PROTOCOLS = {
    "apigateway": "rest-json",
    "cognito-idp": "json 1.1",
    "events": "json 1.1",
    "iam": "query",
    "kms": "json 1.1",
    "lambda": "rest-json",
    "logs": "json 1.1",
    "monitoring": "smithy-rpc-v2-cbor 1.0",
    "s3": "rest-xml",
    "secretsmanager": "json 1.1",
    "sns": "query",
    "ssm": "json 1.1",
    "sts": "query",
}
"""By MiniStack's name of the service, with the version of JSON where a protocol has one."""

_COUNT = "    _ms_install_invoke_depth()\n"
"""The line of a worker that imports botocore."""


class _EveryOperation:
    """Operations of which each may take tags: whether one has any is seen in its request."""

    def __contains__(self, operation: object) -> bool:
        return True


def do_without(responses: Any, iam_actions: Any, lambda_runtime: Any) -> None:
    """Has MiniStack's modules ask here; they read the model of any other service."""
    read = responses._service_model  # noqa: SLF001 - see above

    def model(service: str) -> Any:
        if service not in PROTOCOLS:
            return read(service)
        protocol, _, version = PROTOCOLS[service].partition(" ")
        return SimpleNamespace(metadata={"protocol": protocol, "jsonVersion": version or None})

    responses._service_model = model  # noqa: SLF001
    iam_actions._tag_operations = lambda _service: _EveryOperation()  # noqa: SLF001
    script: str = lambda_runtime._PYTHON_WORKER_SCRIPT  # noqa: SLF001
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(_COUNT, "")  # noqa: SLF001
