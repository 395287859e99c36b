"""The programs in examples/: what they ask for is what the schema has, and they are planned.

The one in YAML is read here, as the CLI would. For the others Pulumi's CLI makes an SDK of the
schema, which takes its language hosts; then they run on their own runtimes, before a monitor that
takes notes.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.engine import Engine
from tests.infra.plan import DEFAULTS, Plan, Recorder
from tests.infra.provider_process import (
    ROOT,
    MonitorOfPrograms,
    ProviderProcess,
    provider_process,
    reached,
)

EXAMPLES = ROOT / "examples"
CONFIG = {"acme:powersyncUrl": DEFAULTS["powersyncUrl"], "aws:region": "eu-central-1"}


@pytest.fixture(scope="module")
def process() -> Iterator[ProviderProcess]:
    with provider_process() as (started, _):
        yield started


@pytest.fixture(scope="module")
def expected(process: ProviderProcess) -> dict[str, Any]:
    """What each of them has planned."""
    example = yaml.safe_load((EXAMPLES / "yaml" / "Pulumi.yaml").read_text())
    inputs = resolved(example["resources"]["auth"]["properties"])
    planned = process.construct(inputs, name="auth", project="acme")
    told = json.loads(planned.environment("auth-auth")["IDENTITY_PROVIDERS"])
    assert told == inputs["identityProviders"]
    assert planned.one("Api").inputs["corsConfiguration"]["allowOrigins"] == inputs["corsOrigins"]
    return by_urn(planned)


OUTPUTS = {
    "powersyncUrl": DEFAULTS["powersyncUrl"],
    "users.endpoint": "cognito-idp.eu-central-1.amazonaws.com/id-of-users",
    "app.id": "id-of-app",
}
"""What the recorder makes up of the other resources."""


def resolved(value: Any) -> Any:
    """A value of the YAML example with its references looked up."""
    if isinstance(value, dict):
        return {key: resolved(item) for key, item in value.items()}
    if isinstance(value, list):
        return [resolved(item) for item in value]
    return re.sub(r"\$\{([\w.]+)\}", lambda match: OUTPUTS[match[1]], value)


def by_urn(plan: Plan) -> dict[str, Any]:
    """Inputs of what is in the component."""
    return {
        resource.urn: {k: v for k, v in resource.inputs.items() if k != "code"}
        for resource in plan.resources
        if "PowerSyncAuth$" in resource.urn
    }


def test_the_example_in_yaml_is_planned(expected: dict[str, Any]) -> None:
    assert len(expected) > 70


def test_the_outputs_that_the_examples_read_are_there(process: ProviderProcess) -> None:
    (component,) = json.loads(process.schema())["resources"].values()
    text = (EXAMPLES / "yaml" / "Pulumi.yaml").read_text()
    read = set(re.findall(r"\$\{auth\.(\w+)\}", text))
    assert read == {"jwksUri", "tokenUrl"}
    assert read <= component["properties"].keys()


def sdk(language: str, process: ProviderProcess, folder: Path) -> Path:
    """Has the CLI make an SDK of the schema."""
    for needed in ("pulumi", f"pulumi-language-{language}"):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not on the PATH, which makes the SDK")
    schema, out = folder / "schema.json", folder / "sdk"
    schema.write_text(process.schema())
    subprocess.run(
        ["pulumi", "package", "gen-sdk", str(schema), "--language", language, "--out", str(out)],
        check=True,
        capture_output=True,
    )
    return out / language


def planned(
    process: ProviderProcess, command: list[str], folder: Path, **environment: str
) -> dict[str, Any]:
    """Runs a program as its language host does; `ADDRESS` is that of engine and monitor."""
    recorder, engine = Recorder(), Engine()
    monitor = MonitorOfPrograms(recorder, "acme", process)
    with reached(monitor, engine) as address:
        monitor.address = address
        told = {
            "PROJECT": "acme",
            "STACK": "dev",
            "ORGANIZATION": "organization",
            "MONITOR": address,
            "ENGINE": address,
            "DRY_RUN": "false",
            "PARALLEL": "16",
            "CONFIG": json.dumps(CONFIG),
        }
        finished = subprocess.run(
            [word.replace("ADDRESS", address) for word in command],
            cwd=folder,
            env={**os.environ, **{f"PULUMI_{k}": v for k, v in told.items()}, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
    assert engine.errors == []
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert monitor.stack_outputs.keys() == {"jwksUri", "tokenUrl"}
    return by_urn(Plan(recorder.resources, monitor.stack_outputs))


def copied(name: str, to: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES / name, to / name))


RUN_PYTHON = """
import asyncio, json, os, runpy, sys
import pulumi.runtime as runtime
settings = {k: os.environ[f"PULUMI_{k}".upper()] for k in ("project", "stack", "monitor", "engine")}
runtime.configure(runtime.Settings(**settings, organization="organization"))
runtime.set_all_config(json.loads(os.environ["PULUMI_CONFIG"]))
asyncio.run(runtime.run_in_stack(lambda: runpy.run_path("__main__.py", run_name="__main__")))
"""


def test_the_example_in_python_is_planned(
    process: ProviderProcess, tmp_path: Path, expected: dict[str, Any]
) -> None:
    made = sdk("python", process, tmp_path)
    site = tmp_path / "site"
    install = ["uv", "pip", "install", "--no-deps", "--target", str(site), str(made)]
    subprocess.run([sys.executable, "-m", *install], check=True)
    folder = copied("python", tmp_path)
    command = [sys.executable, "-c", RUN_PYTHON]
    assert planned(process, command, folder, PYTHONPATH=str(site)) == expected


def test_the_example_in_typescript_fits_the_sdk_and_is_planned(
    process: ProviderProcess, tmp_path: Path, expected: dict[str, Any]
) -> None:
    folder = copied("typescript", tmp_path)
    shutil.copytree(sdk("nodejs", process, tmp_path), folder / "sdk")
    package = json.loads((folder / "package.json").read_text())
    package["dependencies"]["@pulumi/powersync-auth"] = "file:sdk"
    (folder / "package.json").write_text(json.dumps(package))
    subprocess.run(["npm", "install", "--ignore-scripts"], cwd=folder, check=True)
    tools = folder / "node_modules" / ".bin"
    with_tools = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    script = ["node", "scripts/postinstall.js"]
    subprocess.run(script, cwd=folder / "sdk", env=with_tools, check=True)
    subprocess.run([str(tools / "tsc"), "--noEmit"], cwd=folder, check=True)
    command = ["node", "node_modules/@pulumi/pulumi/cmd/run", "--pwd", str(folder)]
    command += ["--project", "acme", "--stack", "dev", "--organization", "organization"]
    command += ["--monitor", "ADDRESS", "--engine", "ADDRESS", "--parallel", "16", "."]
    assert planned(process, command, folder, PULUMI_NODEJS_TYPESCRIPT="true") == expected


def test_the_example_in_go_fits_the_sdk_and_is_planned(
    process: ProviderProcess, tmp_path: Path, expected: dict[str, Any]
) -> None:
    made = sdk("go", process, tmp_path)
    folder = copied("go", tmp_path)
    (module,) = re.findall(r'"(\S+/powersync-auth\S*)"', (folder / "main.go").read_text())
    (source,) = [path.parent for path in made.rglob("powerSyncAuth.go")]
    if not (source / "go.mod").exists():
        subprocess.run(["go", "mod", "init", module], cwd=source, check=True)
    subprocess.run(
        ["go", "mod", "edit", f"-require={module}@v0.0.0", f"-replace={module}={source}"],
        cwd=folder,
        check=True,
    )
    subprocess.run(["go", "mod", "tidy"], cwd=folder, check=True)
    subprocess.run(["go", "build", "-o", "program", "."], cwd=folder, check=True)
    assert planned(process, ["./program"], folder) == expected
