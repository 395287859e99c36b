"""`make policy`: prints the IAM policy of a role that deploys a stack, and nothing more.

Apart from the other commands: it runs the Pulumi program, which needs what deploying needs.
"""

import json
import re
from typing import Annotated

import boto3
import typer
from botocore.exceptions import UnknownRegionError

from local.configuration import project_name
from local.program import run_program
from local.recorder import ACCOUNT, Recorder
from local.resource import Resource
from operate.deployer.policy import deployer_policy
from operate.terminal import print_json
from powersync_auth.regions import has_http_apis, has_user_pools

EVERYTHING = {
    "anonymous": {"enabled": True},
    "createUserPool": True,
    "alarmEmail": "on-call@example.com",
    "provisionedConcurrency": 1,
    "powersyncUrl": "https://instance.powersync.example.com",
}
"""Settings that make one of every kind of resource; a domain only where one is named, a user pool
only where the region has them."""


app = typer.Typer(add_completion=False)


@app.command()
def policy(
    stack: Annotated[str, typer.Option(help="Name of the stack.")],
    account: Annotated[str, typer.Option(help="Number of the AWS account.")],
    region: Annotated[str, typer.Option(help="Region of the stack.")],
    domain: Annotated[str, typer.Option(help="The customDomain, if it has one.")] = "",
    boundary: Annotated[str, typer.Option(help="ARN of the roles' permissions boundary.")] = "",
) -> None:
    """Print the policy as JSON."""
    if not re.fullmatch(r"\d{12}", account):
        raise typer.BadParameter(f"{account} is no account's number: it has 12 digits")
    try:
        partition = boto3.Session().get_partition_for_region(region)
    except UnknownRegionError:
        raise typer.BadParameter(f"{region} is no region of AWS") from None
    if not has_http_apis(region):
        raise typer.BadParameter(f"{region} has no HTTP APIs, which the program makes")
    recorder = Recorder.in_region(region, partition)
    print_json(
        deployer_policy(
            planned(recorder, stack, domain),
            project=project_name(),
            stack=stack,
            region=region,
            account=account,
            partition=partition,
            suffix=recorder.suffix,
            boundary=boundary,
        )
    )


def planned(recorder: Recorder, stack: str, domain: str = "") -> list[Resource]:
    """Everything that any settings ask for."""
    settings: dict[str, object] = {
        **EVERYTHING,
        "createUserPool": has_user_pools(recorder.region),
    }
    if domain:
        certificate = f"arn:{recorder.partition}:acm:{recorder.region}:{ACCOUNT}:certificate/any"
        settings["customDomain"] = {"name": domain, "certificateArn": certificate}
    project = project_name()
    run_program(
        recorder,
        project=project,
        stack=stack,
        config={
            "aws:region": recorder.region,
            **{
                f"{project}:{key}": value if isinstance(value, str) else json.dumps(value)
                for key, value in settings.items()
            },
        },
    )
    return recorder.resources


if __name__ == "__main__":
    app()
