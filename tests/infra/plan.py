"""The plan of the Pulumi program: what it asks for, recorded without AWS."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.program import INFRA, run_program
from local.recorder import ACCOUNT, REGION, Recorder

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from local.resource import Resource

__all__ = ["ACCOUNT", "PROJECT", "REGION", "Plan", "Recorder", "record"]

PROJECT = "powersync-auth"

DEFAULTS = {"powersyncUrl": "https://instance.powersync.journeyapps.com"}


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
    merged = {**DEFAULTS, **settings}
    config = {
        f"{PROJECT}:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in merged.items()
    }
    return record_program(
        INFRA,
        PROJECT,
        stack=stack,
        config=config,
        secret_keys=[f"{PROJECT}:{key}" for key in secret_keys],
        recorder=recorder,
    )


def record_program(
    folder: Path,
    project: str,
    *,
    stack: str = "dev",
    config: Mapping[str, str] | None = None,
    secret_keys: Collection[str] = (),
    recorder: Recorder | None = None,
) -> Plan:
    """Runs any Pulumi program in Python, the `__main__.py` of a folder."""
    recorder = recorder or Recorder()
    outputs = run_program(
        recorder,
        project=project,
        stack=stack,
        config={**(config or {}), "aws:region": recorder.region},
        secret_keys=secret_keys,
        program=folder,
    )
    return Plan(recorder.resources, outputs)
