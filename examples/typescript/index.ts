// A backend with a user pool, whose users sync with PowerSync.

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { PowerSyncAuth } from "@pulumi/powersync-auth";

const users = new aws.cognito.UserPool("users");
const app = new aws.cognito.UserPoolClient("app", { userPoolId: users.id });

const auth = new PowerSyncAuth("auth", {
  powersyncUrl: new pulumi.Config().require("powersyncUrl"),
  identityProviders: [
    { issuer: pulumi.interpolate`https://${users.endpoint}`, clientIds: [app.id] },
  ],
  corsOrigins: ["https://app.acme.dev"],
});

export const jwksUri = auth.jwksUri;
export const tokenUrl = auth.tokenUrl;
