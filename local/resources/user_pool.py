"""Cognito user pools and their clients."""

from local.aws import Aws, arguments, given_or_made_up_name
from local.engine import Created, Resource
from local.resources.registry import makes


@makes("aws:cognito/userPool:UserPool")
def user_pool(aws: Aws, resource: Resource) -> Created:
    """Creates a user pool."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    given = arguments(
        resource.inputs,
        leave_out={
            "mfaConfiguration",
            "name",
            "passwordPolicy",
            "softwareTokenMfaConfiguration",
        },
    )
    if resource.inputs.get("passwordPolicy"):
        given["Policies"] = {"PasswordPolicy": arguments(resource.inputs["passwordPolicy"])}
    cognito = aws.client("cognito-idp")
    pool = cognito.create_user_pool(
        PoolName=name, UserPoolTags=resource.inputs.get("tags") or {}, **given
    )["UserPool"]
    # As in the AWS provider: which second factors there are can only be said to an existing pool.
    if resource.inputs.get("softwareTokenMfaConfiguration"):
        cognito.set_user_pool_mfa_config(
            UserPoolId=pool["Id"],
            MfaConfiguration=resource.inputs.get("mfaConfiguration", "OFF"),
            SoftwareTokenMfaConfiguration=arguments(
                resource.inputs["softwareTokenMfaConfiguration"]
            ),
        )
    aws.published.user_pool_id = pool["Id"]
    return Created(
        pool["Id"],
        {
            "arn": pool["Arn"],
            "endpoint": f"cognito-idp.{aws.region}.amazonaws.com/{pool['Id']}",
            "name": name,
        },
    )


@makes("aws:cognito/userPoolClient:UserPoolClient")
def user_pool_client(aws: Aws, resource: Resource) -> Created:
    """Creates an app's client."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    client = aws.client("cognito-idp").create_user_pool_client(
        ClientName=name, **arguments(resource.inputs, leave_out={"name"})
    )["UserPoolClient"]
    return Created(client["ClientId"], {"name": name})
