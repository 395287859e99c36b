"""A backend with a user pool, whose users sync with PowerSync."""

import pulumi
import pulumi_aws as aws
from pulumi_powersync_auth import PowerSyncAuth

users = aws.cognito.UserPool("users")
app = aws.cognito.UserPoolClient("app", user_pool_id=users.id)

auth = PowerSyncAuth(
    "auth",
    powersync_url=pulumi.Config().require("powersyncUrl"),
    identity_providers=[
        {"issuer": pulumi.Output.concat("https://", users.endpoint), "clientIds": [app.id]}
    ],
    cors_origins=["https://app.acme.dev"],
)

pulumi.export("jwksUri", auth.jwks_uri)
pulumi.export("tokenUrl", auth.token_url)
