"""Makes the program's resources in the embedded AWS."""

import re
from collections.abc import Mapping
from typing import Any

from local.aws import Aws
from local.resource import Created, Resource
from local.resources import MAKERS


class UnknownTypeError(Exception):
    """The program uses a resource type or data source that the local stack has no part for."""


class LocalDeployer:
    """Answers the program in the provider's place, with boto3.

    Args:
        aws: The emulator to make things in.
    """

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def create(self, resource: Resource) -> Created:
        """Makes one resource; see `local.resource.Deployer`."""
        if not resource.custom:
            return Created("")
        function = MAKERS.get(resource.type)
        if function is None:
            raise UnknownTypeError(
                f"the local stack cannot make this type: add a function for {resource.type} "
                f"to local/resources ({resource.urn})"
            )
        return function(self._aws, resource)

    def invoke(
        self,
        token: str,
        arguments: Mapping[str, Any],
        provider: str,  # noqa: ARG002 - there is one account and region
    ) -> Mapping[str, Any]:
        """Answers a data source; see `local.resource.Deployer`."""
        match token.rpartition(":")[2]:
            case "getCallerIdentity":
                account = self._aws.account_id
                root = f"arn:aws:iam::{account}:root"
                return {"accountId": account, "arn": root, "id": account, "userId": account}
            case "getRegion":
                region = self._aws.region
                return {"description": region, "endpoint": "", "id": region, "region": region}
            case "getRoles":
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
