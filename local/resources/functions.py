"""Lambda functions, their log groups, and who may invoke them."""

import json

from local.aws import Aws, arguments, given_or_made_up_name
from local.resource import Created, Resource
from local.resources.registry import makes


class FunctionFailedError(Exception):
    """An invocation during the deployment failed; the message is the function's own."""


@makes("aws:cloudwatch/logGroup:LogGroup")
def log_group(aws: Aws, resource: Resource) -> Created:
    """Creates a log group with its retention."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    logs = aws.client("logs")
    given = arguments(
        resource.inputs,
        leave_out={"name", "namePrefix", "retentionInDays"},
        first_capital=False,
    )
    logs.create_log_group(logGroupName=name, tags=resource.inputs.get("tags") or {}, **given)
    if resource.inputs.get("retentionInDays"):
        logs.put_retention_policy(
            logGroupName=name, retentionInDays=resource.inputs["retentionInDays"]
        )
    return Created(name, {"arn": aws.arn("logs", f"log-group:{name}"), "name": name})


@makes("aws:lambda/function:Function")
def function(aws: Aws, resource: Resource) -> Created:
    """Creates a function; MiniStack runs it at once, although it calls it pending for a while."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    given = arguments(
        resource.inputs,
        leave_out={"code", "environment", "name", "namePrefix", "reservedConcurrentExecutions"},
    )
    variables = (resource.inputs.get("environment") or {}).get("variables") or {}
    created = aws.client("lambda").create_function(
        FunctionName=name,
        # A zip of its own in each call would be most of the time that a deployment takes.
        Code=aws.uploaded(resource.inputs["code"]),
        Environment={"Variables": _local_environment(aws, variables)},
        Tags=resource.inputs.get("tags") or {},
        **given,
    )
    if (reserved := resource.inputs.get("reservedConcurrentExecutions")) is not None:
        aws.client("lambda").put_function_concurrency(
            FunctionName=name, ReservedConcurrentExecutions=reserved
        )
    arn = created["FunctionArn"]
    return Created(
        name,
        {
            "arn": arn,
            "invokeArn": _invoke_arn(aws, arn),
            "name": name,
            "version": created["Version"],
        },
    )


@makes("aws:lambda/alias:Alias")
def alias(aws: Aws, resource: Resource) -> Created:
    """Names a version of a function."""
    created = aws.client("lambda").create_alias(**arguments(resource.inputs))
    arn = created["AliasArn"]
    return Created(arn, {"arn": arn, "invokeArn": _invoke_arn(aws, arn)})


@makes("aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig")
def provisioned_concurrency(aws: Aws, resource: Resource) -> Created:
    """Keeps containers of a version warm."""
    given = arguments(resource.inputs)
    aws.client("lambda").put_provisioned_concurrency_config(**given)
    return Created(f"{given['FunctionName']},{given['Qualifier']}")


@makes("aws:lambda/permission:Permission")
def permission(aws: Aws, resource: Resource) -> Created:
    """Lets a service invoke a function."""
    statement_id = given_or_made_up_name({}, resource.name)
    given = arguments(resource.inputs, rename={"function": "FunctionName"})
    aws.client("lambda").add_permission(StatementId=statement_id, **given)
    return Created(statement_id)


@makes("aws:lambda/invocation:Invocation")
def invocation(aws: Aws, resource: Resource) -> Created:
    """Invokes a function once, and fails where it does."""
    name = resource.inputs["functionName"]
    answer = aws.client("lambda").invoke(
        FunctionName=name, Payload=_as_reached(aws, resource.inputs["input"]).encode()
    )
    result = answer["Payload"].read().decode()
    if "FunctionError" in answer:
        raise FunctionFailedError(f"function {name!r} failed: {_reason(result)}")
    return Created(name, {"result": result})


def _as_reached(aws: Aws, event: str) -> str:
    """The text with the front door's URL as this machine reaches it.

    LOCAL_URL may be a name that means something to a phone or in a container only.
    """
    return event.replace(aws.published.url, aws.published.reachable_url)


def _reason(result: str) -> str:
    failure = json.loads(result)
    return f"{failure.get('errorType')}: {failure.get('errorMessage')}"


def _local_environment(aws: Aws, variables: dict[str, str]) -> dict[str, str]:
    """Adds what a function needs to reach what is local; the program knows nothing of it."""
    local = dict(variables)
    if "IDENTITY_PROVIDERS" in local:
        local["IDENTITY_PROVIDERS"] = _with_local_pools(aws, local["IDENTITY_PROVIDERS"])
    if "JWKS_REACHED" in local:
        local["JWKS_REACHED"] = _as_reached(aws, local["JWKS_REACHED"])
    # Identity providers at http://127.0.0.1 are allowed.
    local["ALLOW_NEARBY_HTTP"] = "1"
    return local


def _with_local_pools(aws: Aws, identity_providers: str) -> str:
    """Lets the keys of pools that this stack made be fetched from the emulator.

    Their issuer is AWS's URL, also here, and stays as it is.
    """
    pools = aws.client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]
    issuers = {
        f"https://cognito-idp.{aws.region}.amazonaws.com/{pool['Id']}": pool["Id"] for pool in pools
    }
    providers = json.loads(identity_providers)
    for provider in providers:
        pool = issuers.get(provider["issuer"])
        if pool is not None:
            provider["jwksUri"] = f"{aws.endpoint}/{pool}/.well-known/jwks.json"
    return json.dumps(providers)


def _invoke_arn(aws: Aws, arn: str) -> str:
    return f"arn:aws:apigateway:{aws.region}:lambda:path/2015-03-31/functions/{arn}/invocations"
