"""What somebody should be told about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from powersync_auth.endpoints import asked
from powersync_auth.paths import JWKS_PATH, TOKEN_PATH
from powersync_auth.policies import policy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from powersync_auth.functions import Functions
    from powersync_auth.http_api import HttpApi
    from powersync_auth.naming import Names
    from powersync_auth.rotation import Rotation
    from powersync_auth.settings import Settings

MINUTES_5 = 300
THROTTLED_NAMESPACE = "PowerSyncAuth"


class Alarms(pulumi.ComponentResource):
    """Alarms, and an e-mail for each when `alarmEmail` is set; `alarmTopicArn` hears of them too.

    Five alarms: CloudWatch charges for each past the tenth of an account. The API's own 5xx count
    has the errors, timeouts and throttles of the functions behind it; what API Gateway throttles
    itself is in its access log only.

    Produces:
        topic: SNS topic with the e-mail's subscription; only with `alarmEmail`. SNS sends nothing
            to it until its owner has followed the link in the first mail.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        names: Names,
        functions: Functions,
        api: HttpApi,
        *,
        rotation: Rotation,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("powersync-auth:index:Alarms", names.logical(name), None, opts)
        self._names = names
        self._actions: list[pulumi.Input[str]] = []
        self.topic: aws.sns.Topic | None = None
        if settings.alarm_email:
            self.topic = self._topic(settings.told(lambda told: told.alarm_email, "alarm_email"))
            self._actions.append(self.topic.arn)
        if settings.alarm_topic_arn:
            self._actions.append(
                settings.told(lambda told: told.alarm_topic_arn, "alarm_topic_arn")
            )
        rotate = {"FunctionName": functions.rotate.name}
        requests = {"ApiId": api.id}
        self._alarm(
            "rotation-failed",
            "The rotate function failed: somebody else has written the JWKS parameter, or signing "
            "keys may not rotate or leave the JWKS. Its log says which and why; what it does is "
            "safe to repeat.",
            "AWS/Lambda",
            "Errors",
            rotate,
            period=MINUTES_5,
        )
        self._alarm(
            "rotation-silent",
            "The rotate function, due every five minutes, has not run for half an hour: nobody "
            "looks after the JWKS parameter.",
            "AWS/Lambda",
            "Invocations",
            rotate,
            period=MINUTES_5,
            periods=6,
            missing="breaching",
            comparison="LessThanThreshold",
            # Before the first invocation it would be in alarm from its first minute.
            after=[rotation.bootstrap],
        )
        # Not the function's errors: it answers 503 by itself while it cannot read the keys. And not
        # three windows in a row: a verifier that asks every 20 minutes never fills them.
        self._alarm(
            "jwks-failed",
            "Requests were answered with 5xx in three windows of five minutes within an hour. If "
            "they are for the JWKS, PowerSync refuses all tokens when this lasts an hour. The "
            "access log has the routes.",
            "AWS/ApiGateway",
            "5xx",
            requests,
            period=MINUTES_5,
            periods=12,
            of_them=3,
        )
        self._alarm(
            "api-failed",
            "Requests were answered with 5xx: a function failed, was throttled, or has not all "
            "that it needs. The access log has the routes.",
            "AWS/ApiGateway",
            "5xx",
            requests,
            period=MINUTES_5,
            threshold=5,
        )
        if api.access_log is not None:
            self._watch_throttled(api.access_log)
        self.register_outputs({})

    def _alarm(
        self,
        name: str,
        description: str,
        namespace: str,
        metric: str,
        dimensions: Mapping[str, pulumi.Input[str]],
        *,
        period: int,
        periods: int = 1,
        of_them: int | None = None,
        threshold: int = 1,
        missing: str = "notBreaching",
        comparison: str = "GreaterThanOrEqualToThreshold",
        after: Sequence[pulumi.Resource] = (),
    ) -> None:
        aws.cloudwatch.MetricAlarm(
            self._names.logical(name),
            name=self._names.physical(name, limit=255),
            alarm_description=description,
            namespace=namespace,
            metric_name=metric,
            dimensions=dimensions,
            statistic="Sum",
            period=period,
            evaluation_periods=periods,
            datapoints_to_alarm=of_them,
            threshold=threshold,
            comparison_operator=comparison,
            treat_missing_data=missing,
            alarm_actions=self._actions,
            ok_actions=self._actions,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )

    def _watch_throttled(self, access_log: aws.cloudwatch.LogGroup) -> None:
        """Counts what API Gateway itself refuses; its metrics have no number of their own for it.

        A metric of one's own costs nothing in the hours in which nothing is counted.
        """
        metric = self._names.physical("throttled", limit=255)
        aws.cloudwatch.LogMetricFilter(
            self._names.logical("throttled"),
            name=self._names.physical("throttled", limit=512),
            log_group_name=access_log.name,
            pattern=(
                '{ ($.status = "429") && '
                f'(($.path = "{JWKS_PATH}") || ($.path = "{TOKEN_PATH}*")) }}'
            ),
            metric_transformation={
                "namespace": THROTTLED_NAMESPACE,
                "name": metric,
                "value": "1",
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._alarm(
            "throttled",
            "Requests for the JWKS or for tokens have been throttled for a quarter of an hour. "
            "PowerSync refuses all tokens when it gets no JWKS for an hour. The access log has "
            "where they come from; the setting `throttling` has the limits.",
            THROTTLED_NAMESPACE,
            metric,
            {},
            period=MINUTES_5,
            periods=6,
            of_them=3,
        )

    def _topic(self, email: pulumi.Input[str]) -> aws.sns.Topic:
        """Makes the topic; an alarm says which function failed, nothing that wants encryption."""
        child = pulumi.ResourceOptions(parent=self)
        names = self._names
        topic = aws.sns.Topic(
            names.logical("alarms"), name=names.physical("alarms", limit=256), opts=child
        )
        aws.sns.TopicPolicy(
            names.logical("alarms"),
            arn=topic.arn,
            policy=policy(
                {
                    "Sid": "AlarmsOfThisAccountPublish",
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudwatch.amazonaws.com"},
                    "Action": "sns:Publish",
                    "Resource": topic.arn,
                    "Condition": {
                        "StringEquals": {
                            "aws:SourceAccount": aws.get_caller_identity_output(
                                opts=asked(self)
                            ).account_id
                        }
                    },
                }
            ),
            opts=child,
        )
        aws.sns.TopicSubscription(
            names.logical("email"), topic=topic.arn, protocol="email", endpoint=email, opts=child
        )
        return topic
