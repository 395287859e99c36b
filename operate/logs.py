"""`logs`: what the functions of a stack have logged, newest last."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from operate.errors import OperatorError
from operate.refusals import explained
from operate.stacks import Stack, chosen_stack
from operate.terminal import AsJson, StackName, print_json, say

FUNCTIONS = ("auth", "auth-anonymous", "jwks", "rotate")

POLL_SECONDS = 2

LATE_SECONDS = 60
"""CloudWatch Logs may show a line so much later than others that were written after it."""

_FRAME = re.compile(r"(START|END|REPORT) RequestId: |INIT_START |RESTORE_")
"""Lambda's own lines around each invocation, in its text format."""


@dataclass(frozen=True, slots=True)
class Line:
    """Something that a function logged; `at` in epoch seconds."""

    at: float
    function: str
    level: str
    message: str

    def __str__(self) -> str:
        """As a person reads it, by the clock of this machine."""
        clock = datetime.fromtimestamp(self.at, UTC).astimezone().strftime("%H:%M:%S")
        level = f"{self.level}: " if self.level else ""
        return f"{clock} {self.function:14} {level}{self.message}"


def logs(
    stack: StackName = "",
    function: Annotated[str, typer.Option(help=f"One of {', '.join(FUNCTIONS)}.")] = "",
    minutes: Annotated[float, typer.Option(help="How far back to begin.")] = 60,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the functions have logged, newest last."""
    if function and function not in FUNCTIONS:
        raise OperatorError(f"there is no function {function}; there are {', '.join(FUNCTIONS)}")
    if as_json and follow:
        raise OperatorError("a JSON document has an end: leave JSON or FOLLOW out")
    log = FunctionLogs(chosen_stack(stack), [function] if function else FUNCTIONS)
    began = time.time() - minutes * 60
    if as_json:
        print_json([_document(line) for line in log.new_lines(began)])
        return
    lines = log.new_lines(began)
    for line in lines:
        say(str(line))
    if not lines and not follow:
        say(f"Nothing was logged in the last {minutes:g} min; a refused login is, a token is not.")
    try:
        while follow:
            time.sleep(POLL_SECONDS)
            for line in log.new_lines(max(began, time.time() - LATE_SECONDS)):
                say(str(line))
    except KeyboardInterrupt:
        return


def _document(line: Line) -> dict[str, object]:
    return {
        "time": line.at,
        "function": line.function,
        "level": line.level,
        "message": line.message,
    }


class FunctionLogs:
    """The logs of some functions; remembers which lines it has given."""

    def __init__(self, stack: Stack, functions: Sequence[str] = FUNCTIONS) -> None:
        self._client = stack.client("logs")
        self._prefix = f"/aws/lambda/{stack.rotate_function.removesuffix('rotate')}"
        self._functions = functions
        self._given: dict[object, float] = {}

    def new_lines(self, since: float) -> list[Line]:
        """Lines from `since` (epoch seconds) on that were not given before, oldest first.

        Raises `OperatorError` where the logs cannot be read.
        """
        self._given = {key: at for key, at in self._given.items() if at >= since}
        found = []
        for function in self._functions:
            for event in self._new_events(function, since):
                line = parsed(function, event)
                if line is not None:
                    found.append(line)
        return sorted(found, key=lambda line: line.at)

    def _new_events(self, function: str, since: float) -> Iterator[Mapping[str, Any]]:
        seen: Counter[object] = Counter()
        for event in self._events(function, since):
            # The embedded AWS gives no id: equal lines of a stream are told apart by their order.
            content = (function, event["logStreamName"], event["timestamp"], event["message"])
            seen[content] += 1
            key = event.get("eventId") or (*content, seen[content])
            if key not in self._given:
                self._given[key] = event["timestamp"] / 1000
                yield event

    def _events(self, function: str, since: float) -> list[Mapping[str, Any]]:
        with explained("logs"):
            try:
                pages = self._client.get_paginator("filter_log_events").paginate(
                    logGroupName=self._prefix + function, startTime=int(since * 1000)
                )
                return [event for page in pages for event in page["events"]]
            except self._client.exceptions.ResourceNotFoundException:
                return []  # This stack has no such function: anonymous tokens are off.


def parsed(function: str, event: Mapping[str, Any]) -> Line | None:
    """A line of a log in Lambda's JSON or text format; None for the frame of an invocation."""
    at, text = event["timestamp"] / 1000, str(event["message"]).rstrip()
    try:
        document = json.loads(text)
    except ValueError:
        return None if _FRAME.match(text) else Line(at, function, "", text)
    if not isinstance(document, dict):
        return Line(at, function, "", text)
    if "type" in document:
        return _platform_line(at, function, document)
    message = str(document.get("message") or document.get("errorMessage") or text)
    trace = document.get("stackTrace") or []
    if trace:
        cause = f"{document.get('errorType', 'Error')}: {document.get('errorMessage', '')}"
        message = "\n".join([message, *(_indented(str(frame)) for frame in trace), f"  {cause}"])
    return Line(at, function, str(document.get("level", "")), message)


def _platform_line(at: float, function: str, document: Mapping[str, Any]) -> Line | None:
    """What Lambda itself says of an invocation, where it failed."""
    record = document.get("record") or {}
    status = record.get("status", "success")
    if status == "success":
        return None
    reason = record.get("errorType", "")
    return Line(at, function, "ERROR", f"{document['type']}: {status} {reason}".rstrip())


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.rstrip().splitlines())
