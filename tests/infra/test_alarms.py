"""What an alarm watches, when it goes off, and who hears it."""

from collections.abc import Mapping
from typing import Any

from tests.infra.plan import Plan

AT_LEAST, LESS_THAN = "GreaterThanOrEqualToThreshold", "LessThanThreshold"
ROTATE = {"FunctionName": "powersync-auth-dev-rotate"}
API = {"ApiId": "id-of-api"}

ALARMS = {
    "rotation-failed": ("Lambda Errors", ROTATE, AT_LEAST, 1, "1 x 300 s", "notBreaching"),
    # A function that is not started gives no data at all, which is what this one is for.
    "rotation-silent": ("Lambda Invocations", ROTATE, LESS_THAN, 1, "2 x 86400 s", "breaching"),
    # Not the function's errors: a 503 that it answers is none. And well within the hour for which
    # PowerSync keeps the keys.
    "jwks-failed": ("ApiGateway 5xx", API, AT_LEAST, 1, "3 x 300 s", "notBreaching"),
    "api-failed": ("ApiGateway 5xx", API, AT_LEAST, 5, "1 x 300 s", "notBreaching"),
}
"""Metric, whose, comparison, threshold, for how long, and what no data means."""


def test_what_each_alarm_watches_and_when_it_goes_off(plan: Plan) -> None:
    alarms = {name: alarm.inputs for name, alarm in plan.of("MetricAlarm").items()}
    assert {name: _row(alarm) for name, alarm in alarms.items()} == ALARMS
    assert {alarm["statistic"] for alarm in alarms.values()} == {"Sum"}


def _row(alarm: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        f"{alarm['namespace'].removeprefix('AWS/')} {alarm['metricName']}",
        alarm["dimensions"],
        alarm["comparisonOperator"],
        alarm["threshold"],
        f"{alarm['evaluationPeriods']} x {alarm['period']} s",
        alarm["treatMissingData"],
    )


def test_who_hears_the_alarms(full_plan: Plan, default_plan: Plan) -> None:
    topic = full_plan.one("Topic").inputs
    subscription = full_plan.one("TopicSubscription").inputs
    assert subscription["topic"].endswith(topic["name"])
    assert (subscription["protocol"], subscription["endpoint"]) == ("email", "on-call@example.com")
    for alarm in full_plan.of("MetricAlarm").values():
        (action,) = alarm.inputs["alarmActions"]
        assert action.endswith(topic["name"])
        assert alarm.inputs["okActions"] == [action]
    assert not default_plan.of("Topic")
    # Another customer key would cost more than all the rest.
    assert set(full_plan.of("Key")) == {"signing-keys"}
    for alarm in default_plan.of("MetricAlarm").values():
        assert alarm.inputs["alarmActions"] == []
