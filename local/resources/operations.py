"""What watches the stack and what runs on a schedule: CloudWatch, SNS, EventBridge."""

from local.aws import Aws, arguments, given_or_made_up_name, tag_list
from local.resource import Created, Resource
from local.resources.registry import makes


@makes("aws:cloudwatch/metricAlarm:MetricAlarm")
def metric_alarm(aws: Aws, resource: Resource) -> Created:
    """Creates an alarm."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    given = arguments(
        resource.inputs,
        rename={"okActions": "OKActions"},
        leave_out={"name", "namePrefix", "dimensions"},
    )
    dimensions = resource.inputs["dimensions"].items()
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Dimensions=[{"Name": whose, "Value": value} for whose, value in dimensions],
        Tags=tag_list(resource.inputs),
        **given,
    )
    return Created(name, {"arn": aws.arn("cloudwatch", f"alarm:{name}"), "name": name})


@makes("aws:cloudwatch/logMetricFilter:LogMetricFilter")
def log_metric_filter(aws: Aws, resource: Resource) -> Created:
    """Creates a metric filter of a log group."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    aws.client("logs").put_metric_filter(
        filterName=name,
        logGroupName=resource.inputs["logGroupName"],
        filterPattern=resource.inputs["pattern"],
        metricTransformations=[
            {
                f"metric{key[0].upper()}{key[1:]}": value
                for key, value in resource.inputs["metricTransformation"].items()
            }
        ],
    )
    return Created(name)


@makes("aws:cloudwatch/eventRule:EventRule")
def event_rule(aws: Aws, resource: Resource) -> Created:
    """Creates a schedule, or a rule for events."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    given = arguments(resource.inputs, leave_out={"name", "namePrefix"})
    answer = aws.client("events").put_rule(Name=name, Tags=tag_list(resource.inputs), **given)
    return Created(name, {"arn": answer["RuleArn"], "name": name})


@makes("aws:cloudwatch/eventTarget:EventTarget")
def event_target(aws: Aws, resource: Resource) -> Created:
    """Says what a rule starts."""
    inputs = resource.inputs
    target_id = given_or_made_up_name({}, resource.name)
    target = arguments(inputs, leave_out={"rule"})
    answer = aws.client("events").put_targets(
        Rule=inputs["rule"], Targets=[{"Id": target_id, **target}]
    )
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"the target was refused: {answer['FailedEntries']}")
    return Created(f"{inputs['rule']}-{target_id}", {"targetId": target_id})


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
