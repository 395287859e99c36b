"""Whether what is deployed is what this checkout would deploy."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pulumi

from local.configuration import local_bundle, project_name
from local.engine import DeploymentError
from local.program import INFRA, run_program
from local.recorder import MADE_UP, Recorder
from local.resource import Resource
from operate.doctor.checks import Check, failed, passed
from operate.doctor.configured import MistakenConfigurationError
from operate.doctor.site import Site
from operate.errors import OperatorError
from powersync_auth.bundle import BundleError

Plan = Callable[[Site, Mapping[str, str]], dict[str, Resource]]
"""Works out the functions that this checkout would deploy, by name, from the configuration."""


def current_check(site: Site, configuration: Callable[[], Mapping[str, str]], plan: Plan) -> Check:
    """Compares the functions, as AWS tells them, with a plan of the program.

    Raises `OperatorError` where either cannot be told.
    """
    check = "stack.current"
    try:
        planned = plan(site, configuration())
    except (
        *(BundleError, DeploymentError, pulumi.RunError),
        MistakenConfigurationError,
    ) as error:
        return failed(
            check,
            f"this checkout cannot be deployed: {error}",
            "what is configured and what is deployed are two things",
            "correct the configuration; pulumi preview says the same",
        )
    differences = [told for function in planned.values() for told in _differences(site, function)]
    if differences:
        deploy = (
            "Ctrl-C and make local"
            if site.stack.is_local
            else "make deploy STACK=" + site.stack.name
        )
        return failed(
            check,
            f"differs from this checkout: {'; '.join(differences)}",
            "the checks above are about what is deployed, not about what you have before you",
            f"{deploy}, or go to the commit that was deployed",
        )
    return passed(check, f"{len(planned)} functions are those of this checkout")


def planned_functions(site: Site, configured: Mapping[str, str]) -> dict[str, Resource]:
    """A plan of the Pulumi program, without AWS."""
    _, partition, _, region, *_ = site.stack.secret_arn.split(":")
    recorder = Recorder.in_region(region, partition)

    def plan() -> None:
        run_program(
            recorder,
            project=project_name(),
            stack=site.stack.name,
            config=configured,
            program=INFRA,
        )

    if site.stack.is_local:
        with local_bundle():
            plan()
    else:
        plan()
    return {
        resource.name: resource
        for resource in recorder.resources
        if resource.custom and resource.type.endswith(":Function")
    }


def _differences(site: Site, planned: Resource) -> Iterator[str]:
    name = planned.name
    try:
        deployed = site.function(name)
    except OperatorError as error:
        if "ResourceNotFound" in str(error):
            yield f"the function {name} is not there"
            return
        raise
    zipped = (INFRA / planned.inputs["code"]).read_bytes()
    digest = base64.b64encode(hashlib.sha256(zipped).digest()).decode()
    if deployed.get("CodeSha256") not in (None, digest):
        yield f"the code of {name}"
    for key, told in (("memorySize", "MemorySize"), ("timeout", "Timeout")):
        if deployed[told] != planned.inputs[key]:
            yield f"{told} of {name} is {deployed[told]}, not {planned.inputs[key]:g}"
    variables = deployed["Environment"]["Variables"]
    wanted: Mapping[str, str] = planned.inputs["environment"]["variables"]
    for variable, value in wanted.items():
        if not _is_same(variable, value, variables.get(variable)):
            # Without the values: providers may have an API key.
            yield f"{variable} of {name}"


def _is_same(variable: str, planned: Any, deployed: str | None) -> bool:
    """Whether a variable is as planned, as far as that does not hang on what AWS names."""
    text = _text(planned)
    if text == deployed:
        return True
    if variable == "IDENTITY_PROVIDERS" and deployed is not None:
        items, there = json.loads(text), json.loads(deployed)
        known = [item for item in items if not _is_made_up(json.dumps(item))]
        return len(items) == len(there) and all(item in there for item in known)
    return _is_made_up(text)


def _text(value: Any) -> str:
    """A value of the plan as text; one that is marked as secret comes in a wrapping."""
    if isinstance(value, dict) and "value" in value:
        value = value["value"]
    return str(value)


def _is_made_up(text: str) -> bool:
    return any(part in text for part in MADE_UP)
