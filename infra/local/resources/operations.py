"""What watches the stack and what runs on a schedule: CloudWatch, SNS, EventBridge."""

from typing import Any

from local.aws import Aws, arguments, given_or_made_up_name, tag_list
from local.engine import Created, Resource
from local.resources.registry import makes


@makes("aws:cloudwatch/metricAlarm:MetricAlarm")
def metric_alarm(aws: Aws, resource: Resource) -> Created:
    """Creates an alarm."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    given = arguments(
        resource.inputs,
        rename={"okActions": "OKActions"},
        leave_out={"name", "namePrefix", "dimensions", "metricQueries"},
    )
    if resource.inputs.get("dimensions"):
        given["Dimensions"] = _dimensions(resource.inputs["dimensions"])
    if resource.inputs.get("metricQueries"):
        given["Metrics"] = [_metric_query(query) for query in resource.inputs["metricQueries"]]
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=name, Tags=tag_list(resource.inputs), **given
    )
    return Created(name, {"arn": aws.arn("cloudwatch", f"alarm:{name}"), "name": name})


@makes("aws:cloudwatch/dashboard:Dashboard")
def dashboard(aws: Aws, resource: Resource) -> Created:
    """Creates a dashboard."""
    name = resource.inputs["dashboardName"]
    aws.client("cloudwatch").put_dashboard(**arguments(resource.inputs))
    arn = f"arn:aws:cloudwatch::{aws.account_id}:dashboard/{name}"
    return Created(name, {"dashboardArn": arn})


@makes("aws:cloudwatch/logMetricFilter:LogMetricFilter")
def log_metric_filter(aws: Aws, resource: Resource) -> Created:
    """Counts log lines that match a pattern."""
    inputs = resource.inputs
    name = given_or_made_up_name(inputs, resource.name)
    transformation = dict(inputs["metricTransformation"])
    transformation["metricName"] = transformation.pop("name")
    transformation["metricNamespace"] = transformation.pop("namespace")
    transformation["metricValue"] = transformation.pop("value")
    if "defaultValue" in transformation:
        transformation["defaultValue"] = float(transformation["defaultValue"])
    aws.client("logs").put_metric_filter(
        filterName=name,
        filterPattern=inputs["pattern"],
        logGroupName=inputs["logGroupName"],
        metricTransformations=[transformation],
    )
    return Created(name, {"name": name})


@makes("aws:cloudwatch/eventRule:EventRule")
def event_rule(aws: Aws, resource: Resource) -> Created:
    """Creates a schedule, or a rule for events."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    given = arguments(
        resource.inputs, leave_out={"name", "namePrefix", "forceDestroy", "isEnabled"}
    )
    answer = aws.client("events").put_rule(Name=name, Tags=tag_list(resource.inputs), **given)
    return Created(name, {"arn": answer["RuleArn"], "name": name})


@makes("aws:cloudwatch/eventTarget:EventTarget")
def event_target(aws: Aws, resource: Resource) -> Created:
    """Says what a rule starts."""
    inputs = resource.inputs
    target_id = inputs.get("targetId") or given_or_made_up_name({}, resource.name)
    target = arguments(inputs, leave_out={"rule", "eventBusName", "targetId", "forceDestroy"})
    answer = aws.client("events").put_targets(
        Rule=inputs["rule"],
        EventBusName=inputs.get("eventBusName") or "default",
        Targets=[{"Id": target_id, **target}],
    )
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"the target was refused: {answer['FailedEntries']}")
    return Created(f"{inputs['rule']}-{target_id}", {"targetId": target_id})


@makes("aws:scheduler/schedule:Schedule")
def schedule(aws: Aws, resource: Resource) -> Created:
    """Creates a schedule of EventBridge Scheduler."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    given = arguments(resource.inputs, leave_out={"name", "namePrefix"})
    answer = aws.client("scheduler").create_schedule(Name=name, **given)
    group = resource.inputs.get("groupName") or "default"
    return Created(f"{group}/{name}", {"arn": answer["ScheduleArn"], "name": name})


@makes("aws:sns/topic:Topic")
def topic(aws: Aws, resource: Resource) -> Created:
    """Creates a topic."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    attributes = arguments(resource.inputs, leave_out={"name", "namePrefix"})
    arn = aws.client("sns").create_topic(
        Name=name, Attributes=attributes, Tags=tag_list(resource.inputs)
    )["TopicArn"]
    return Created(arn, {"arn": arn, "name": name})


@makes("aws:sns/topicPolicy:TopicPolicy")
def topic_policy(aws: Aws, resource: Resource) -> Created:
    """Puts the policy of a topic."""
    arn = resource.inputs["arn"]
    aws.client("sns").set_topic_attributes(
        TopicArn=arn, AttributeName="Policy", AttributeValue=resource.inputs["policy"]
    )
    return Created(arn)


@makes("aws:sns/topicSubscription:TopicSubscription")
def topic_subscription(aws: Aws, resource: Resource) -> Created:
    """Subscribes somebody to a topic."""
    inputs = resource.inputs
    arn = aws.client("sns").subscribe(
        TopicArn=inputs["topic"],
        Protocol=inputs["protocol"],
        Endpoint=inputs["endpoint"],
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    return Created(arn, {"arn": arn})


def _dimensions(dimensions: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]


def _metric_query(query: dict[str, Any]) -> dict[str, Any]:
    given = arguments(query, leave_out={"metric"})
    if query.get("metric"):
        metric = query["metric"]
        identity = arguments(metric, leave_out={"dimensions", "period", "stat", "unit"})
        identity["Dimensions"] = _dimensions(metric.get("dimensions") or {})
        statistic = {key: metric[key] for key in ("period", "stat", "unit") if key in metric}
        given["MetricStat"] = {"Metric": identity, **arguments(statistic)}
    return given
