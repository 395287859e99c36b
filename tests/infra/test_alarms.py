"""What an alarm watches, when it rings, and who hears it."""

from tests.infra.plan import Plan


def test_alarms_and_who_hears_them(full_plan: Plan, default_plan: Plan) -> None:
    assert set(full_plan.of("MetricAlarm")) == {
        "rotation-failed",
        "rotation-silent",
        "jwks-failed",
        "api-failed",
    }
    topic = full_plan.one("Topic").inputs
    subscription = full_plan.one("TopicSubscription").inputs
    assert (subscription["protocol"], subscription["endpoint"]) == ("email", "on-call@example.com")
    for alarm in full_plan.of("MetricAlarm").values():
        (action,) = alarm.inputs["alarmActions"]
        assert action.endswith(topic["name"])
    assert not default_plan.of("Topic")
    # Another customer key would cost more than all the rest.
    assert set(full_plan.of("Key")) == {"signing-keys"}
    for alarm in default_plan.of("MetricAlarm").values():
        assert alarm.inputs["alarmActions"] == []


def test_a_jwks_that_answers_503_now_and_then_is_noticed(plan: Plan) -> None:
    alarm = plan.of("MetricAlarm")["jwks-failed"].inputs
    # The function's own errors would not have it: a 503 is an answer.
    assert (alarm["namespace"], alarm["metricName"]) == ("AWS/ApiGateway", "5xx")
    assert (alarm["threshold"], alarm["evaluationPeriods"]) == (1, 3)
    assert alarm["period"] * alarm["evaluationPeriods"] < 3_600
