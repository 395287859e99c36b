"""The plan of the Pulumi program: what it asks for, recorded without AWS."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.engine import Created, Resource
from local.program import run_program

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = "powersync-auth"
ACCOUNT = "123456789012"
REGION = "eu-central-1"

DEFAULTS = {"powersyncUrl": "https://instance.powersync.journeyapps.com"}


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
    lock: threading.Lock = field(default_factory=threading.Lock)

    def create(self, resource: Resource) -> Created:
        with self.lock:
            self.resources.append(resource)
        name = resource.inputs.get("name") or resource.inputs.get("namePrefix") or resource.name
        return Created(f"id-of-{resource.name}", _outputs(resource, str(name)))

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        assert not arguments or "getRoles" in token
        found = [name for name in self.roles if re.search(arguments.get("nameRegex", ""), name)]
        answers: dict[str, Mapping[str, Any]] = {
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT},
            "aws:index/getRegion:getRegion": {"region": self.region},
            "aws:index/getPartition:getPartition": {
                "partition": self.partition,
                "dnsSuffix": self.suffix,
            },
            "aws:iam/getRoles:getRoles": {
                "arns": [_arn("iam", f"role/{name}", region="") for name in found]
            },
        }
        return answers[token]


def _arn(service: str, what: str, *, region: str = REGION) -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{what}"


def _outputs(resource: Resource, name: str) -> Mapping[str, Any]:
    """What AWS would tell about a resource beside its inputs."""
    given = resource.inputs
    function = _arn("lambda", f"function:{name}")
    alias = _arn("lambda", f"function:{given.get('functionName')}:{name}")
    kind = resource.type.rsplit(":", 1)[1]
    made: dict[str, Mapping[str, Any]] = {
        "Key": {"arn": _arn("kms", f"key/{name}"), "keyId": name},
        "Secret": {"arn": _arn("secretsmanager", f"secret:{name}x-abcdef"), "name": f"{name}x"},
        "Parameter": {"arn": _arn("ssm", f"parameter{name}")},
        "Role": {"arn": _arn("iam", f"role/{name}", region="")},
        "LogGroup": {"arn": _arn("logs", f"log-group:{name}")},
        "EventRule": {"arn": _arn("events", f"rule/{name}")},
        "Topic": {"arn": _arn("sns", name)},
        "Function": {"arn": function, "invokeArn": _invoke(function), "version": "1"},
        "Alias": {"arn": alias, "invokeArn": _invoke(alias)},
        "Api": {
            "apiEndpoint": f"https://api-id.execute-api.{REGION}.amazonaws.com",
            "executionArn": _arn("execute-api", "api-id"),
        },
        "DomainName": {
            "domainNameConfiguration": {
                **given.get("domainNameConfiguration", {}),
                "targetDomainName": "d-x.execute-api.amazonaws.com",
                "hostedZoneId": "Z123",
            }
        },
        "UserPool": {"endpoint": f"cognito-idp.{REGION}.amazonaws.com/id-of-{resource.name}"},
    }
    return made.get(kind, {})


def _invoke(arn: str) -> str:
    return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"


@dataclass(frozen=True)
class Plan:
    """Everything that the program asks for under some configuration."""

    resources: list[Resource]
    outputs: dict[str, Any]

    def of(self, kind: str) -> dict[str, Resource]:
        """All resources of a type, by their names; `kind` is its last part, such as `Function`."""
        return {r.name: r for r in self.resources if r.custom and r.type.endswith(f":{kind}")}

    def one(self, kind: str) -> Resource:
        (resource,) = self.of(kind).values()
        return resource

    def at(self, urn: str) -> Resource:
        (resource,) = [r for r in self.resources if r.urn == urn]
        return resource

    def before(self, resource: Resource) -> set[str]:
        """`type name` of all that has to exist before a resource, directly or not."""
        found: dict[str, Resource] = {}
        waiting = [resource]
        while waiting:
            for urn in waiting.pop().dependencies:
                if urn not in found:
                    found[urn] = self.at(urn)
                    waiting.append(found[urn])
        return {f"{r.type.rsplit(':', 1)[1]} {r.name}" for r in found.values()}

    def policies(self) -> dict[str, dict[str, Any]]:
        """Every JSON policy document, by `resource type and name: input`."""
        return {
            f"{r.type.rsplit(':', 1)[1]} {r.name}: {key}": json.loads(r.inputs[key])
            for r in self.resources
            for key in ("policy", "assumeRolePolicy")
            if key in r.inputs
        }

    def role_statements(self, function: str) -> list[dict[str, Any]]:
        """What the role of a function allows."""
        (policy,) = [p for n, p in self.of("RolePolicy").items() if n == function]
        statements: list[dict[str, Any]] = json.loads(policy.inputs["policy"])["Statement"]
        return statements

    def environment(self, function: str) -> dict[str, str]:
        variables: dict[str, str] = self.of("Function")[function].inputs["environment"]["variables"]
        return variables


def record(
    *,
    stack: str = "dev",
    secret_keys: tuple[str, ...] = (),
    recorder: Recorder | None = None,
    **settings: Any,
) -> Plan:
    """Runs the program with these settings and returns what it asked for.

    Args:
        stack: Name of the stack.
        secret_keys: Settings that are marked as secret.
        recorder: Takes the notes, and plays another account than the usual one.
        settings: Values by key; strings as they are, others as JSON, like the CLI passes them.
    """
    recorder = recorder or Recorder()
    merged = {**DEFAULTS, **settings}
    config = {
        f"{PROJECT}:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in merged.items()
    }
    outputs = run_program(
        recorder,
        project=PROJECT,
        stack=stack,
        config={**config, "aws:region": recorder.region},
        secret_keys=[f"{PROJECT}:{key}" for key in secret_keys],
    )
    return Plan(recorder.resources, outputs)
