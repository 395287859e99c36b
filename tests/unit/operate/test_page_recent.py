"""The requests that the page shows, with the reasons that the functions logged."""

from collections.abc import Sequence
from typing import Any

from local.door.visits import Visit
from operate.logs import Line
from operate.page.recent import KEPT, RecentRequests

NOW = 1000.0


class Logs:
    """The lines that were written by now, each given once."""

    def __init__(self, *lines: Line) -> None:
        self.lines = list(lines)
        self.asked = 0

    def new_lines(self, since: float) -> list[Line]:
        self.asked += 1
        new, self.lines = [line for line in self.lines if line.at >= since], []
        return new


def visit(at: float, path: str = "/token", status: int = 401, **more: Any) -> Visit:
    given: dict[str, Any] = {
        "at": at,
        "seconds": 0.2,
        "method": "POST",
        "path": path,
        "action": "",
        "client": "127.0.0.1",
        "agent": "test/1",
        "status": status,
        "refusal": "",
    }
    return Visit(**given | more)


def line(at: float, message: str, function: str = "auth") -> Line:
    return Line(at, function, "", message)


def reasons(recent: RecentRequests) -> list[Sequence[str]]:
    return [request["reasons"] for request in recent.after(0)["requests"]]


def recent_with(*visits: Visit) -> RecentRequests:
    recent = RecentRequests(clock=lambda: NOW)
    for one in visits:
        recent.visited(one)
    return recent


def test_a_refused_request_gets_the_line_that_its_function_wrote_meanwhile() -> None:
    recent = recent_with(visit(990), visit(992, path="/token/anonymous"))
    recent.explain(Logs(line(990.1, "expired"), line(992.1, "other", "auth-anonymous")))
    assert reasons(recent) == [["expired"], ["other"]]


def test_of_two_at_once_each_gets_a_line_and_those_that_were_accepted_none() -> None:
    recent = recent_with(visit(990), visit(990.05, status=200), visit(990.1))
    recent.explain(Logs(line(990.15, "first"), line(990.16, "second")))
    assert reasons(recent) == [["first"], [], ["second"]]


def test_a_line_that_is_read_before_its_request_is_answered_waits_for_it() -> None:
    recent = recent_with(visit(990))
    logs = Logs(line(991.1, "late"))
    recent.explain(logs)
    assert reasons(recent) == [[]]
    recent.visited(visit(991))
    recent.explain(logs)
    assert reasons(recent) == [[], ["late"]]


def test_what_was_seen_is_told_again_only_when_it_has_got_a_reason() -> None:
    recent = recent_with(visit(990), visit(995, status=200))
    first = recent.after(0)
    assert [request["number"] for request in first["requests"]] == [1, 2]
    assert recent.after(first["revision"])["requests"] == []
    recent.explain(Logs(line(990.1, "expired")))
    (again,) = recent.after(first["revision"])["requests"]
    assert (again["number"], again["reasons"]) == (1, ["expired"])


def test_what_was_refused_long_before_the_page_was_opened_is_explained_too() -> None:
    recent = recent_with(visit(500))
    recent.explain(Logs(line(500.1, "expired")))
    assert reasons(recent) == [["expired"]]


def test_the_logs_are_left_alone_where_nothing_is_to_be_explained() -> None:
    logs = Logs()
    recent_with(visit(995, status=200), visit(995, path="/x.ico", status=404)).explain(logs)
    assert logs.asked == 0


def test_a_reason_that_was_not_logged_in_time_is_not_looked_for_again() -> None:
    logs = Logs()
    recent = recent_with(visit(900))
    recent.explain(logs)
    recent.explain(logs)
    assert logs.asked == 1


def test_the_pages_own_requests_are_left_out() -> None:
    own = [("/", "GET"), ("/", "HEAD"), ("/page", "GET"), ("/page/keys", "GET")]
    recent = recent_with(*(visit(990, path=path, method=method) for path, method in own))
    recent.visited(visit(990, path="/", method="POST", action="InitiateAuth"))
    recent.visited(visit(990, path="/pages"))
    assert [request["path"] for request in recent.after(0)["requests"]] == ["/", "/pages"]


def test_only_the_last_ones_are_kept() -> None:
    recent = recent_with(*(visit(990 + number / 1000) for number in range(KEPT + 5)))
    numbers = [request["number"] for request in recent.after(0)["requests"]]
    assert numbers == list(range(6, KEPT + 6))
    assert recent.after(0)["run"] != recent_with().after(0)["run"]
