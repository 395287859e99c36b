"""How what is in CloudWatch Logs is read: both of Lambda's formats, and lines that come late."""

import json
from typing import Any, cast

import pytest

from operate.logs import FunctionLogs, Line, parsed
from operate.stacks import Stack

AT = 1_790_000_000


def event(message: object, at: int = AT, **more: object) -> dict[str, Any]:
    text = message if isinstance(message, str) else json.dumps(message)
    return {"logStreamName": "one", "timestamp": at * 1000, "message": text, **more}


def test_a_line_of_the_json_format_keeps_its_level_and_words() -> None:
    told = {"level": "WARNING", "message": "credential refused: expired", "requestId": "5"}
    assert parsed("auth", event(told)) == Line(AT, "auth", "WARNING", "credential refused: expired")


def test_a_line_of_the_text_format_is_as_it_was_written() -> None:
    assert parsed("auth", event("credential refused: expired\n")) == Line(
        AT, "auth", "", "credential refused: expired"
    )


@pytest.mark.parametrize(
    "frame",
    [
        "START RequestId: 5 Version: $LATEST",
        "END RequestId: 5",
        "REPORT RequestId: 5\tDuration: 1 ms",
        {"time": "…", "type": "platform.report", "record": {"status": "success"}},
    ],
)
def test_the_frame_of_an_invocation_is_left_out(frame: object) -> None:
    assert parsed("auth", event(frame)) is None


def test_an_invocation_that_lambda_ended_is_told() -> None:
    told = {"type": "platform.report", "record": {"status": "timeout"}}
    assert parsed("jwks", event(told)) == Line(AT, "jwks", "ERROR", "platform.report: timeout")


def test_an_exception_comes_with_where_it_was_raised() -> None:
    told = {
        "level": "ERROR",
        "message": "the key ring cannot be read",
        "stackTrace": ['  File "/var/task/stores.py", line 5, in read\n'],
        "errorType": "AwsError",
        "errorMessage": "ThrottlingException",
    }
    line = parsed("auth", event(told))
    assert line is not None
    assert line.message.splitlines() == [
        "the key ring cannot be read",
        '    File "/var/task/stores.py", line 5, in read',
        "  AwsError: ThrottlingException",
    ]


class CloudWatchLogs:
    """Answers as CloudWatch Logs does; `events` by the last part of the group's name."""

    class exceptions:  # noqa: N801 - as boto3 calls it
        class ResourceNotFoundException(Exception):
            pass

    def __init__(self, events: dict[str, list[dict[str, Any]]]) -> None:
        self.events = events

    def client(self, _service: str) -> "CloudWatchLogs":
        return self

    def get_paginator(self, _name: str) -> "CloudWatchLogs":
        return self

    def paginate(self, *, logGroupName: str, startTime: int) -> list[dict[str, Any]]:  # noqa: N803
        name = logGroupName.removeprefix("/aws/lambda/powersync-auth-dev-")
        if name not in self.events:
            raise self.exceptions.ResourceNotFoundException
        return [{"events": [e for e in self.events[name] if e["timestamp"] >= startTime]}]

    rotate_function = "powersync-auth-dev-rotate"


def logs_of(aws: CloudWatchLogs) -> FunctionLogs:
    return FunctionLogs(cast("Stack", aws))


def test_lines_of_all_functions_come_in_the_order_of_time() -> None:
    aws = CloudWatchLogs({"auth": [event("second", AT + 2)], "jwks": [event("first", AT + 1)]})
    assert [line.message for line in logs_of(aws).new_lines(AT)] == ["first", "second"]


def test_each_line_is_given_once_also_one_that_shows_late_and_one_that_is_repeated() -> None:
    aws = CloudWatchLogs({"auth": [event("a", AT + 5)]})
    logs = logs_of(aws)
    assert [line.message for line in logs.new_lines(AT)] == ["a"]
    aws.events["auth"] = [event("late", AT + 1), event("a", AT + 5), event("a", AT + 5)]
    assert [line.message for line in logs.new_lines(AT)] == ["late", "a"]
    assert logs.new_lines(AT) == []


def test_lines_that_aws_numbers_are_told_apart_by_their_number() -> None:
    aws = CloudWatchLogs({"auth": [event("a", eventId="1"), event("a", eventId="2")]})
    logs = logs_of(aws)
    assert len(logs.new_lines(AT)) == 2
    assert logs.new_lines(AT) == []
