"""The first key ring, and its rotation from then on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from powersync_auth.endpoints import asked
from powersync_auth.timings import ROTATION_WINDOW_HOURS

if TYPE_CHECKING:
    from powersync_auth.functions import Functions
    from powersync_auth.http_api import HttpApi
    from powersync_auth.lambda_function import Function
    from powersync_auth.naming import Names
    from powersync_auth.routes import Routes
    from powersync_auth.settings import Settings
    from powersync_auth.signing_keys import SigningKeys

WATCHED_EVERY_MINUTES = 5


class Rotation(pulumi.ComponentResource):
    """Makes the first ring, and a new signing key every `rotationDays`.

    Produces:
        bootstrap: An invocation of the rotate function that writes the first ring, publishes it,
            and returns when the JWKS is served with it. It is safe to repeat, and is repeated
            when the code changes.
        schedule: The rotation schedule of Secrets Manager.
        daily: The EventBridge rule that lets previous keys leave the JWKS.
        watch: The one that has what was published looked at: whoever writes over it raises an
            alarm within ten minutes, be the JWKS asked for or not.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        names: Names,
        *,
        keys: SigningKeys,
        functions: Functions,
        api: HttpApi,
        routes: Routes,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("powersync-auth:index:Rotation", names.logical(name), None, opts)
        self._names = names
        child = pulumi.ResourceOptions(parent=self)
        rotate = functions.rotate

        self.bootstrap = aws.lambda_.Invocation(
            names.logical("bootstrap"),
            function_name=rotate.name,
            input=pulumi.Output.json_dumps({"action": "bootstrap", **api.reached_before_dns}),
            triggers=functions.triggers,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[keys.policy, keys.parameter, *rotate.ready, *routes.ready],
            ),
        )
        secrets_manager = rotate.allow(
            "secrets-manager",
            "secretsmanager.amazonaws.com",
            source_arn=keys.secret.arn,
            source_account=aws.get_caller_identity_output(opts=asked(self)).account_id,
            opts=child,
        )
        self.schedule = aws.secretsmanager.SecretRotation(
            names.logical("key-ring"),
            secret_id=keys.secret.id,
            rotation_lambda_arn=rotate.arn,
            rotation_rules={
                "automatically_after_days": settings.rotation_days,
                "duration": f"{ROTATION_WINDOW_HOURS}h",
            },
            # The ring has just been made; a rotation now would sign with a key that no verifier
            # has had the time to see.
            rotate_immediately=False,
            # Secrets Manager tries the function when the schedule is made.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[secrets_manager, self.bootstrap]),
        )
        self.daily = self._regularly(
            "retire",
            rotate,
            "rate(1 day)",
            "Lets signing keys leave the JWKS once their last token has expired",
        )
        self.watch = self._regularly(
            "watch",
            rotate,
            f"rate({WATCHED_EVERY_MINUTES} minutes)",
            "Sees to it that the published JWKS is what the rotate function has published",
        )
        self.register_outputs({})

    def _regularly(
        self, action: str, rotate: Function, schedule: str, description: str
    ) -> aws.cloudwatch.EventRule:
        """Has the rotate function do something on a schedule, once there is a ring."""
        child = pulumi.ResourceOptions(parent=self)
        rule = aws.cloudwatch.EventRule(
            self._names.logical(action),
            name=self._names.physical(action),
            description=description,
            schedule_expression=schedule,
            opts=child,
        )
        permission = rotate.allow(action, "events.amazonaws.com", source_arn=rule.arn, opts=child)
        aws.cloudwatch.EventTarget(
            self._names.logical(action),
            rule=rule.name,
            arn=rotate.arn,
            input=json.dumps({"action": action}),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission, self.bootstrap]),
        )
        return rule
