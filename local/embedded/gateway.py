"""What MiniStack's API Gateway leaves out of an event, or answers otherwise than AWS.

The front door tells in headers who has asked and under which name; AWS has both in the event.
Each function here wraps one of MiniStack's, whose version is pinned; `tests/local/test_door.py`
shows that what they add arrives.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

FORWARDED_HOST = "x-forwarded-host"
_FORWARDED_FOR = "x-forwarded-for"

Event = dict[str, Any]


def complete(lambda_service: Any) -> None:
    """Has API Gateway's events and failures be AWS's, in MiniStack's module for Lambda."""
    execute = lambda_service._execute_function_with_config_scope  # noqa: SLF001 - see above
    lambda_service._execute_function_with_config_scope = _with_completed_event(execute)  # noqa: SLF001
    answer = lambda_service.lambda_execute_result_to_api_proxy_response
    lambda_service.lambda_execute_result_to_api_proxy_response = _with_failures_of_aws(answer)


def _with_completed_event(execute: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(execute)
    def wrapped(function: Any, event: Event) -> Any:
        return execute(function, completed(event))

    return wrapped


def completed(event: Event) -> Event:
    """The event with the client's address and the name that it asked for."""
    headers = dict(event.get("headers") or {})
    host = headers.pop(FORWARDED_HOST, None)
    context = event.get("requestContext")
    if host is None or not isinstance(context, dict) or "http" not in context:
        return event
    client = headers.get(_FORWARDED_FOR, "").rpartition(",")[2].strip()
    context = {
        **context,
        "domainName": host.rsplit(":", 1)[0] if not host.endswith("]") else host,
        "http": {**context["http"], "sourceIp": client},
    }
    return {**event, "headers": {**headers, "host": host}, "requestContext": context}


def _with_failures_of_aws(answer: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(answer)
    def wrapped(result: dict[str, Any]) -> Any:
        if result.get("throttle"):
            return _failure(HTTPStatus.SERVICE_UNAVAILABLE, "Service Unavailable"), None
        if result.get("error"):
            # MiniStack answers with the exception's text.
            return _failure(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error"), None
        return answer(result)

    return wrapped


def _failure(status: HTTPStatus, message: str) -> dict[str, Any]:
    return {
        "statusCode": status.value,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps({"message": message}),
    }
