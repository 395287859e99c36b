"""Cognito user pools and their clients; remembered ones are known by their names."""

from collections.abc import Mapping
from typing import Any

from local.aws import Aws, arguments, given_or_made_up_name
from local.resource import Created, Resource
from local.resources.registry import makes

_FIXED = ("AliasAttributes", "Schema", "UsernameAttributes", "UsernameConfiguration")
"""What Cognito takes when a pool is made, and never again."""


class PoolHasChangedError(Exception):
    """The remembered user pool cannot become the one that is configured now."""


@makes("aws:cognito/userPool:UserPool")
def user_pool(aws: Aws, resource: Resource) -> Created:
    """Creates a user pool, or has the remembered one be as it is configured now."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    given = arguments(
        resource.inputs,
        rename={"schemas": "Schema"},
        leave_out={
            "mfaConfiguration",
            "name",
            "passwordPolicy",
            "softwareTokenMfaConfiguration",
        },
    )
    given["UserPoolTags"] = resource.inputs.get("tags") or {}
    if resource.inputs.get("passwordPolicy"):
        given["Policies"] = {"PasswordPolicy": arguments(resource.inputs["passwordPolicy"])}
    cognito = aws.client("cognito-idp")
    pool = _remembered_pool(cognito, name)
    if pool is None:
        pool = cognito.create_user_pool(PoolName=name, **given)["UserPool"]
    else:
        _refuse_another_kind(pool, given)
        changeable = {key: value for key, value in given.items() if key not in _FIXED}
        cognito.update_user_pool(UserPoolId=pool["Id"], **changeable)
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
    """Creates an app's client, or has the remembered one be as it is configured now."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    cognito = aws.client("cognito-idp")
    given = arguments(resource.inputs, leave_out={"name"})
    client_id = _remembered_client(cognito, given["UserPoolId"], name)
    if client_id is None:
        made = cognito.create_user_pool_client(ClientName=name, **given)["UserPoolClient"]
        return Created(made["ClientId"], {"name": name})
    changeable = {key: value for key, value in given.items() if key != "GenerateSecret"}
    cognito.update_user_pool_client(ClientId=client_id, ClientName=name, **changeable)
    return Created(client_id, {"name": name})


def _remembered_pool(cognito: Any, name: str) -> Any:
    for listed in cognito.list_user_pools(MaxResults=60)["UserPools"]:
        if listed["Name"] == name:
            return cognito.describe_user_pool(UserPoolId=listed["Id"])["UserPool"]
    return None


def _remembered_client(cognito: Any, pool_id: str, name: str) -> str | None:
    clients = cognito.list_user_pool_clients(UserPoolId=pool_id, MaxResults=60)["UserPoolClients"]
    return next((found["ClientId"] for found in clients if found["ClientName"] == name), None)


def _refuse_another_kind(pool: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Compares what cannot be changed any more."""
    known = {
        attribute["Name"].removeprefix("custom:"): attribute["AttributeDataType"]
        for attribute in pool.get("SchemaAttributes", [])
    }
    changed = [
        key for key in _FIXED if key != "Schema" and (pool.get(key) or None) != given.get(key)
    ]
    if any(known.get(a["Name"]) != a["AttributeDataType"] for a in given.get("Schema", [])):
        changed.append("Schema")
    if changed:
        raise PoolHasChangedError(
            f"the remembered user pool has another {' and '.join(sorted(changed))}, which cannot be"
            " changed: to begin with a new pool, without users and with new keys, run"
            " FRESH=1 make local"
        )
