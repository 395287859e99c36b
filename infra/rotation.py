"""The first key ring, and its rotation from then on."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from functions import JWKS_PATH
from naming import physical_name
from timings import ROTATION_WINDOW_HOURS

if TYPE_CHECKING:
    from functions import Functions
    from http_api import HttpApi, Routes
    from settings import Settings
    from signing_keys import SigningKeys


class Rotation(pulumi.ComponentResource):
    """Makes the first ring, and a new signing key every `rotationDays`.

    Produces:
        bootstrap: An invocation of the rotate function that writes the first ring, publishes it,
            and returns when the JWKS is served with it. It is safe to repeat, and is repeated
            when the code changes.
        schedule: The rotation schedule of Secrets Manager.
        daily: The EventBridge rule that lets previous keys leave the JWKS.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        *,
        keys: SigningKeys,
        functions: Functions,
        api: HttpApi,
        routes: Routes,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("powersync-auth:index:Rotation", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        rotate = functions.rotate

        self.bootstrap = aws.lambda_.Invocation(
            "bootstrap",
            function_name=rotate.name,
            input=pulumi.Output.json_dumps(
                {
                    "action": "bootstrap",
                    # By its AWS name: a custom domain's DNS record is not ours to make.
                    "jwks_uri": pulumi.Output.concat(api.endpoint, JWKS_PATH),
                }
            ),
            triggers={"bundle": hashlib.sha256(functions.bundle.read_bytes()).hexdigest()},
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[keys.policy, keys.parameter, *rotate.ready, *routes.ready],
            ),
        )
        secrets_manager = rotate.allow(
            "secrets-manager",
            "secretsmanager.amazonaws.com",
            source_arn=keys.secret.arn,
            source_account=aws.get_caller_identity_output().account_id,
            opts=child,
        )
        self.schedule = aws.secretsmanager.SecretRotation(
            "key-ring",
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
        self.daily = aws.cloudwatch.EventRule(
            "retire",
            name=physical_name("retire"),
            description="Lets signing keys leave the JWKS once their last token has expired",
            schedule_expression="rate(1 day)",
            opts=child,
        )
        permission = rotate.allow(
            "retire", "events.amazonaws.com", source_arn=self.daily.arn, opts=child
        )
        aws.cloudwatch.EventTarget(
            "retire",
            rule=self.daily.name,
            arn=rotate.arn,
            input=json.dumps({"action": "retire"}),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission, self.bootstrap]),
        )
        self.register_outputs({})
