"""What an alarm watches, when it goes off, and who hears it."""

import json
from collections.abc import Mapping
from typing import Any

from tests.infra.plan import Plan

AT_LEAST, LESS_THAN = "GreaterThanOrEqualToThreshold", "LessThanThreshold"
ROTATE = {"FunctionName": "powersync-auth-dev-rotate"}
API = {"ApiId": "id-of-api"}

ALARMS = {
    "rotation-failed": ("Lambda Errors", ROTATE, AT_LEAST, 1, "1 x 300 s", "notBreaching"),
    # A function that is not started gives no data at all, which is what this one is for.
    "rotation-silent": ("Lambda Invocations", ROTATE, LESS_THAN, 1, "6 x 300 s", "breaching"),
    # Not the function's errors: a 503 that it answers is none. And well within the hour for which
    # PowerSync keeps the keys.
    "jwks-failed": ("ApiGateway 5xx", API, AT_LEAST, 1, "3 of 12 x 300 s", "notBreaching"),
    "throttled": (
        *("PowerSyncAuth powersync-auth-dev-throttled", {}, AT_LEAST, 1),
        *("3 of 6 x 300 s", "notBreaching"),
    ),
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
        alarm.get("dimensions", {}),
        alarm["comparisonOperator"],
        alarm["threshold"],
        _of(alarm) + f"{alarm['evaluationPeriods']} x {alarm['period']} s",
        alarm["treatMissingData"],
    )


def _of(alarm: Mapping[str, Any]) -> str:
    return f"{alarm['datapointsToAlarm']} of " if "datapointsToAlarm" in alarm else ""


def test_a_verifier_that_asks_every_20_minutes_raises_the_alarm_within_the_hour(
    plan: Plan,
) -> None:
    alarm = plan.of("MetricAlarm")["jwks-failed"].inputs
    windows = [0] * alarm["evaluationPeriods"]
    asked_at = range(0, 3_600, 1_200)
    for second in asked_at:
        windows[second // alarm["period"]] += 1
    assert sum(count >= alarm["threshold"] for count in windows) >= alarm["datapointsToAlarm"]
    assert alarm["evaluationPeriods"] * alarm["period"] <= 3_600  # while PowerSync has the keys


def test_no_alarm_is_there_before_what_it_misses(plan: Plan) -> None:
    """Where no data is bad news, the first minutes of a stack would be an alarm."""
    for name, alarm in plan.of("MetricAlarm").items():
        if alarm.inputs["treatMissingData"] == "breaching":
            assert "Invocation bootstrap" in plan.before(alarm), name


def test_what_is_throttled_on_the_way_to_keys_and_tokens_is_counted(plan: Plan) -> None:
    """Requests to paths that there are not are throttled, too, and no reason to wake anybody."""
    counted = plan.one("LogMetricFilter").inputs
    assert counted["logGroupName"] == plan.of("LogGroup")["access-log"].inputs["name"]
    assert counted["pattern"] == (
        '{ ($.status = "429") && (($.path = "/.well-known/jwks.json") || ($.path = "/token*")) }'
    )
    logged = json.loads(plan.one("Stage").inputs["accessLogSettings"]["format"])
    assert {"status", "path"} <= logged.keys()
    alarm = plan.of("MetricAlarm")["throttled"].inputs
    made = counted["metricTransformation"]
    assert (alarm["namespace"], alarm["metricName"]) == (made["namespace"], made["name"])


def test_alarms_stay_well_below_the_ten_that_are_free(full_plan: Plan) -> None:
    assert len(full_plan.of("MetricAlarm")) <= 6


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
