"""Makes the program's resources in the embedded AWS."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from local.aws import Aws
from local.engine import Created, Resource
from local.resources import MAKERS


class UnknownTypeError(Exception):
    """The program uses a resource type or data source that the local stack has no part for."""


class LocalDeployer:
    """Answers the program in the provider's place, with boto3.

    Args:
        aws: The emulator to make things in.
        progress: Told of each resource that is there, in the order they are finished.
        wait_until_ready: Returns when the emulator answers.
    """

    def __init__(
        self,
        aws: Aws,
        progress: Callable[[Resource], None],
        wait_until_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._aws = aws
        self._progress = progress
        self._wait_until_ready = wait_until_ready

    def create(self, resource: Resource) -> Created:
        """Makes one resource; see `local.engine.Deployer`."""
        if not resource.custom:
            return Created("")
        function = MAKERS.get(resource.type)
        if function is None:
            raise UnknownTypeError(
                f"the local stack cannot make this type: add a function for {resource.type} "
                f"to local/resources ({resource.urn})"
            )
        self._wait_until_ready()
        created = function(self._aws, resource)
        self._progress(resource)
        return created

    def invoke(
        self,
        token: str,
        arguments: Mapping[str, Any],
        provider: str,  # noqa: ARG002 - there is one account and region
    ) -> Mapping[str, Any]:
        """Answers a data source; see `local.engine.Deployer`."""
        match token.rpartition(":")[2]:
            case "getCallerIdentity":
                account = self._aws.account_id
                root = f"arn:aws:iam::{account}:root"
                return {"accountId": account, "arn": root, "id": account, "userId": account}
            case "getRegion":
                region = self._aws.region
                return {"description": region, "endpoint": "", "id": region, "region": region}
            case "getRoles":
                self._wait_until_ready()
                return {**arguments, "arns": self._role_arns(arguments["nameRegex"])}
            case "getPartition":
                return {
                    "dnsSuffix": "amazonaws.com",
                    "id": "aws",
                    "partition": "aws",
                    "reverseDnsPrefix": "com.amazonaws",
                }
        raise UnknownTypeError(f"the local stack cannot answer this data source: {token}")

    def _role_arns(self, name_pattern: str) -> list[str]:
        roles = self._aws.client("iam").list_roles()["Roles"]
        return [role["Arn"] for role in roles if re.search(name_pattern, role["RoleName"])]
