"""What runs by itself in AWS: the rotation of the keys, and the alarms."""

from collections.abc import Iterator
from typing import Any

from operate.doctor.checks import Check, failed, passed, untold
from operate.doctor.site import Site
from operate.errors import OperatorError
from operate.key_ring import UNDER_WAY_SECONDS, FunctionRefusedError, Status
from operate.refusals import explained
from operate.terminal import duration, moment
from token_service.keys.commands import OVERDUE_AFTER_DAYS

DAY = 86_400
"""Seconds."""


def rotation_checks(site: Site) -> Iterator[Check]:
    """Whether the keys rotate, and whether the last attempt worked."""
    try:
        status = site.ring()
        days = int(site.environment("rotate")["ROTATION_DAYS"])
    except FunctionRefusedError:
        yield untold("rotation.due", "not looked at: the key ring cannot be read, see jwks.keys")
        yield untold("rotation.last", "not looked at: the key ring cannot be read, see jwks.keys")
        return
    except OperatorError as error:
        yield untold("rotation.due", str(error))
        yield untold("rotation.last", str(error))
        return
    schedule = None
    if not site.stack.is_local:
        try:
            schedule = _schedule(site)
        except OperatorError as error:
            yield untold("rotation.due", str(error))
            yield _last(site, status, None)
            return
    yield _due(site, status, days, schedule)
    yield _last(site, status, schedule)


def _schedule(site: Site) -> Any:
    with explained("secretsmanager"):
        return site.client("secretsmanager").describe_secret(SecretId=site.stack.secret_arn)


def _again(site: Site) -> str:
    return "make rotate" if site.stack.is_local else f"make rotate STACK={site.stack.name}"


def _due(site: Site, status: Status, days: int, schedule: Any) -> Check:
    current = next(key for key in status.keys if key["state"] == "current")
    since = current.get("signing_since") or current.get("published_at") or status.now
    age, due_at = status.now - since, since + days * DAY
    if age > (days + OVERDUE_AFTER_DAYS) * DAY:
        return failed(
            "rotation.due",
            f"the key {current['kid']} has signed for {age / DAY:.0f} days, and keys rotate every"
            f" {days}",
            "nothing breaks at once; a key that leaked meanwhile would be of use for longer",
            f"{_again(site)}; then `pulumi up`, which makes the schedule again where it is gone",
        )
    if schedule is not None and not schedule.get("RotationEnabled"):
        return failed(
            "rotation.due",
            "Secrets Manager has no rotation schedule for the key ring",
            "the keys do not rotate any more",
            f"make the schedule again: pulumi up --stack {site.stack.name}",
        )
    seen = f"the key that signs does so for {duration(age)}; the next rotation is due"
    return passed("rotation.due", f"{seen} {moment(due_at)}")


def _last(site: Site, status: Status, schedule: Any) -> Check:
    change = status.change_in_progress
    if change is not None:
        since = change["since"]
        if since is None or status.now - since > UNDER_WAY_SECONDS:
            ago = "" if since is None else f" {duration(status.now - since)} ago"
            return failed(
                "rotation.last",
                f"a rotation began{ago} and has not ended",
                "the keys stay as they were, and Secrets Manager refuses to rotate meanwhile",
                f"{_again(site)} finishes it; make logs FUNCTION=rotate says why it failed",
            )
        return passed(
            "rotation.last", f"a change is under way since {duration(status.now - since)}"
        )
    if schedule is not None and (last := schedule.get("LastRotatedDate")):
        return passed("rotation.last", f"rotated {moment(last.timestamp())}; nothing is left of it")
    nothing = "no change is left unfinished"
    by_hand = "; the embedded AWS rotates when make rotate asks" if site.stack.is_local else ""
    return passed("rotation.last", nothing + by_hand)


def alarm_checks(site: Site, email: str) -> Iterator[Check]:
    """Whether somebody is told of alarms, and whether one stands."""
    try:
        if email:
            yield _email(site, email)
        yield _state(site)
    except OperatorError as error:
        yield untold("alarms.state", str(error))


def _email(site: Site, email: str) -> Check:
    _, partition, _, region, account, *_ = site.stack.secret_arn.split(":")
    topic = f"arn:{partition}:sns:{region}:{account}:{site.prefix}alarms"
    with explained("sns"):
        pages = site.client("sns").get_paginator("list_subscriptions_by_topic")
        found = [each for page in pages.paginate(TopicArn=topic) for each in page["Subscriptions"]]
    states = [each["SubscriptionArn"] for each in found if each["Endpoint"] == email]
    if any(state.startswith("arn:") for state in states):
        return passed("alarms.email", f"{email} is told of alarms")
    if states:
        return failed(
            "alarms.email",
            f"{email} has not confirmed the subscription",
            "SNS sends no alarm there",
            "follow the link in the mail `AWS Notification - Subscription Confirmation`; where it"
            " is gone, take alarmEmail out and in again, with `pulumi up` after each",
        )
    return failed(
        "alarms.email",
        f"{email} is not subscribed",
        "nobody is told of alarms",
        "pulumi up makes the subscription of alarmEmail",
    )


def _state(site: Site) -> Check:
    with explained("cloudwatch"):
        pages = site.client("cloudwatch").get_paginator("describe_alarms")
        alarms = [
            alarm
            for page in pages.paginate(AlarmNamePrefix=site.prefix)
            for alarm in page["MetricAlarms"]
        ]
    standing = [alarm for alarm in alarms if alarm["StateValue"] == "ALARM"]
    if standing:
        return failed(
            "alarms.state",
            f"in alarm: {', '.join(alarm['AlarmName'] for alarm in standing)}",
            "; ".join(str(alarm.get("AlarmDescription", "")) for alarm in standing),
            "see the functions' log: make logs MINUTES=1440"
            + ("" if site.stack.is_local else f" STACK={site.stack.name}"),
        )
    return passed("alarms.state", f"{len(alarms)} alarms, none stands")
