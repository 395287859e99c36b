"""The Pulumi program without AWS: what it asks for is noted, and answered with made-up names.

For whoever wants to know what would be deployed: the tests of the plan, and `doctor`.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import botocore.loaders

from local.resource import Created, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT = "123456789012"
REGION = "eu-central-1"

MADE_UP = (ACCOUNT, "id-of-", "api-id")
"""Each made-up answer has one of them in it."""


@dataclass
class Recorder:
    """Takes notes of every resource and answers with made-up, deterministic outputs.

    Attributes:
        roles: Names of roles that are in the account already.
        region: Where the stack is.
        partition: And the partition that the region belongs to.
        suffix: How the names of its endpoints end.
    """

    roles: tuple[str, ...] = ()
    region: str = REGION
    partition: str = "aws"
    suffix: str = "amazonaws.com"
    resources: list[Resource] = field(default_factory=list)
    _regions: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def in_region(cls, region: str, partition: str) -> Recorder:
        """One whose stack is in `region`, of the partition with this id, such as `aws-cn`."""
        known = botocore.loaders.create_loader().load_data("partitions")["partitions"]
        suffix = next(each["outputs"]["dnsSuffix"] for each in known if each["id"] == partition)
        return cls(region=region, partition=partition, suffix=str(suffix))

    def create(self, resource: Resource) -> Created:
        """Notes a resource."""
        with self.lock:
            self.resources.append(resource)
            if resource.type == "pulumi:providers:aws":
                self._regions[resource.urn] = resource.inputs["region"]
        name = resource.inputs.get("name") or resource.inputs.get("namePrefix") or resource.name
        return Created(f"id-of-{resource.name}", self._outputs(resource, str(name)))

    def invoke(self, token: str, arguments: Mapping[str, Any], provider: str) -> Mapping[str, Any]:
        """Answers what the program asks about the account."""
        region = self._regions.get(provider, self.region)
        found = [name for name in self.roles if re.search(arguments.get("nameRegex", ""), name)]
        answers: dict[str, Mapping[str, Any]] = {
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT},
            "aws:index/getRegion:getRegion": {"region": region},
            "aws:index/getPartition:getPartition": {
                "partition": self.partition,
                "dnsSuffix": self.suffix,
            },
            "aws:apigatewayv2/getApi:getApi": {
                "apiEndpoint": f"https://api-id.execute-api.{region}.{self.suffix}",
                "executionArn": self._arn("execute-api", "api-id", region=region),
            },
            "aws:iam/getRoles:getRoles": {
                "arns": [self._arn("iam", f"role/{name}", region="") for name in found]
            },
        }
        return answers[token]

    def _arn(self, service: str, what: str, *, region: str) -> str:
        return f"arn:{self.partition}:{service}:{region}:{ACCOUNT}:{what}"

    def _outputs(self, resource: Resource, name: str) -> Mapping[str, Any]:
        """What AWS would tell about a resource beside its inputs."""
        given = resource.inputs
        region = self._regions.get(resource.provider, self.region)
        function = self._arn("lambda", f"function:{name}", region=region)
        alias = self._arn("lambda", f"function:{given.get('functionName')}:{name}", region=region)
        kind = resource.type.rsplit(":", 1)[1]
        made: dict[str, Mapping[str, Any]] = {
            "Key": {"arn": self._arn("kms", f"key/{name}", region=region), "keyId": name},
            "Secret": {
                "arn": self._arn("secretsmanager", f"secret:{name}x-abcdef", region=region),
                "name": f"{name}x",
            },
            "Parameter": {"arn": self._arn("ssm", f"parameter{name}", region=region)},
            "Role": {"arn": self._arn("iam", f"role/{name}", region="")},
            "LogGroup": {"arn": self._arn("logs", f"log-group:{name}", region=region)},
            "EventRule": {"arn": self._arn("events", f"rule/{name}", region=region)},
            "Topic": {"arn": self._arn("sns", name, region=region)},
            "Function": {
                "arn": function,
                "invokeArn": self._invoke(function, region),
                "version": "1",
            },
            "Alias": {"arn": alias, "invokeArn": self._invoke(alias, region)},
            "Api": {
                "apiEndpoint": f"https://api-id.execute-api.{region}.{self.suffix}",
                "executionArn": self._arn("execute-api", "api-id", region=region),
            },
            "DomainName": {
                "domainNameConfiguration": {
                    **given.get("domainNameConfiguration", {}),
                    "targetDomainName": f"d-x.execute-api.{region}.{self.suffix}",
                    "hostedZoneId": "Z123",
                }
            },
            "UserPool": {"endpoint": f"cognito-idp.{region}.{self.suffix}/id-of-{resource.name}"},
        }
        return made.get(kind, {})

    def _invoke(self, arn: str, region: str) -> str:
        path = f"path/2015-03-31/functions/{arn}/invocations"
        return f"arn:{self.partition}:apigateway:{region}:lambda:{path}"
