"""One Lambda function: what it runs on, its log group, who may invoke it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from powersync_auth.bundle import AWS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from powersync_auth.naming import Names
    from powersync_auth.policies import Statement
    from powersync_auth.roles import FunctionRole
    from powersync_auth.settings import Settings

LIVE = "live"
"""Alias of the published version, where SnapStart or provisioned concurrency needs one."""


@dataclass(frozen=True)
class Capacity:
    """What a function runs on, and how it starts.

    Attributes:
        memory_mb: Memory in MB; CPU grows with it.
        snap_start: Whether it starts from a snapshot.
        provisioned_concurrency: Instances that are kept warm.
        reserved_concurrency: Executions at once that are kept for it, and are its most; 0 for as
            many as the account has left.
    """

    memory_mb: int
    snap_start: bool = False
    provisioned_concurrency: int = 0
    reserved_concurrency: int = 0


class TwoStepsError(Exception):
    """What is wanted takes two deployments, one after the other."""


def refuse_two_starts_at_once(change: pulumi.ResourceHookArgs) -> None:
    """Runs before a function is updated, in a preview too, where it is to get SnapStart.

    Lambda takes SnapStart or provisioned concurrency. The function is updated first and the
    provisioned concurrency taken away last, so one deployment cannot go from this to that. A
    function that published versions without SnapStart had provisioned concurrency.

    Raises:
        TwoStepsError: Says which two steps.
    """
    old, new = change.old_inputs or {}, change.new_inputs or {}
    if new.get("snapStart") and old.get("publish") and not old.get("snapStart"):
        raise TwoStepsError(
            f"{change.name} has provisioned concurrency, and Lambda refuses SnapStart beside it. "
            "Deploy once with provisionedConcurrency 0 and snapStart false, and then with "
            "snapStart true."
        )


class Function(pulumi.ComponentResource):
    """One Lambda function with what belongs to it alone.

    Produces:
        log_group: Keeps the log for `logRetentionDays`.
        function: The Lambda function.
        name, arn, invoke_arn: What others need to invoke it.
        qualifier: The alias to invoke it by, if any; `arn` and `invoke_arn` contain it.
        ready: What has to exist before its first invocation.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        names: Names,
        *,
        role: FunctionRole,
        handler: str,
        environment: Mapping[str, pulumi.Input[str]],
        permissions: Sequence[Statement],
        timeout_seconds: int,
        capacity: Capacity,
        bundle: Path,
        log_level: str = "WARN",
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Makes the function.

        Args:
            name: Its logical name, and the last part of its name in AWS.
            settings: The stack's configuration.
            names: What things are called.
            role: Who it is; it gets what `permissions` say, and may write to the function's log.
            handler: Dotted path of the Python function.
            environment: Its environment variables.
            permissions: What it may do beside that.
            timeout_seconds: When Lambda ends it.
            capacity: What it runs on.
            bundle: The zip with its code.
            log_level: The least that it logs.
            after: What has to be there before the function is, or is changed.
            opts: Its place in the program.
        """
        super().__init__("powersync-auth:index:Function", names.logical(name), None, opts)
        self._names = names
        child = pulumi.ResourceOptions(parent=self)
        logical, physical = names.logical(name), names.physical(name)

        self.log_group = aws.cloudwatch.LogGroup(
            logical,
            name=f"/aws/lambda/{physical}",
            retention_in_days=settings.log_retention_days,
            opts=child,
        )
        own_log: Statement = {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            # Lambda names the streams of the group.
            "Resource": pulumi.Output.concat(self.log_group.arn, ":log-stream:*"),
        }
        permission = role.allow(own_log, *permissions)
        versioned = capacity.snap_start or capacity.provisioned_concurrency > 0
        self.function = aws.lambda_.Function(
            logical,
            name=physical,
            role=role.arn,
            runtime=AWS.runtime,
            architectures=[AWS.architecture],
            handler=handler,
            code=pulumi.FileArchive(str(bundle)),
            memory_size=capacity.memory_mb,
            timeout=timeout_seconds,
            reserved_concurrent_executions=capacity.reserved_concurrency or None,
            environment={"variables": environment},
            logging_config={
                "log_format": "JSON",
                "log_group": self.log_group.name,
                "application_log_level": log_level,
                "system_log_level": "WARN",
            },
            publish=versioned,
            snap_start={"apply_on": "PublishedVersions"} if capacity.snap_start else None,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[permission, *after],
                hooks=_looked_at_first(logical) if capacity.snap_start else None,
            ),
        )
        self.name = self.function.name
        self.arn: pulumi.Output[str] = self.function.arn
        self.invoke_arn: pulumi.Output[str] = self.function.invoke_arn
        self.qualifier: pulumi.Output[str] | None = None
        self.ready: list[pulumi.Resource] = [self.function, permission]
        if versioned:
            alias = aws.lambda_.Alias(
                logical,
                name=LIVE,
                function_name=self.function.name,
                function_version=self.function.version,
                opts=child,
            )
            self.arn, self.invoke_arn, self.qualifier = alias.arn, alias.invoke_arn, alias.name
            self.ready.append(alias)
            if capacity.provisioned_concurrency:
                aws.lambda_.ProvisionedConcurrencyConfig(
                    logical,
                    function_name=self.function.name,
                    qualifier=alias.name,
                    provisioned_concurrent_executions=capacity.provisioned_concurrency,
                    opts=child,
                )
        self.register_outputs({"name": self.name, "arn": self.arn})

    def allow(
        self,
        name: str,
        principal: str,
        *,
        source_arn: pulumi.Input[str],
        source_account: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> aws.lambda_.Permission:
        """Lets an AWS service invoke the function, for one source only.

        Args:
            name: Last part of the logical name of the permission.
            principal: The service, such as `apigateway.amazonaws.com`.
            source_arn: On behalf of which resource.
            source_account: And of which account, where the ARN does not name one.
            opts: Its place in the program.
        """
        return aws.lambda_.Permission(
            self._names.logical(name),
            action="lambda:InvokeFunction",
            function=self.function.name,
            qualifier=self.qualifier,
            principal=principal,
            source_arn=source_arn,
            source_account=source_account,
            opts=opts,
        )


def _looked_at_first(name: str) -> pulumi.ResourceHookBinding:
    hook = pulumi.ResourceHook(
        f"{name}-starts-one-way",
        refuse_two_starts_at_once,
        pulumi.ResourceHookOptions(on_dry_run=True),
    )
    return pulumi.ResourceHookBinding(before_update=[hook])
