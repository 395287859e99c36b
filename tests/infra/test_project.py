"""`Pulumi.yaml` and the example of a stack: the CLI reads what the program reads."""

from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from powersync_auth.settings import Settings
from tests.infra.plan import PROJECT, record

ROOT = Path(__file__).resolve().parents[2]
PROJECT_FILE: dict[str, Any] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
DEV: dict[str, Any] = yaml.safe_load((ROOT / "examples/Pulumi.dev.yaml").read_text())["config"]

PYTHON_TYPES = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}


def test_the_cli_finds_program_and_dependencies() -> None:
    assert PROJECT_FILE["name"] == PROJECT
    program = ROOT / PROJECT_FILE["main"]
    assert (program / "__main__.py").is_file()
    assert PROJECT_FILE["runtime"]["options"]["toolchain"] == "pip"
    # The pip toolchain looks beside the program, and nowhere else.
    (line,) = (program / "requirements.txt").read_text().split("\n")[:1]
    assert line == "-r ../requirements.txt"
    assert "pulumi-aws==" in (program / "../requirements.txt").read_text()


def test_the_schema_has_every_key_and_no_other() -> None:
    assert set(PROJECT_FILE["config"]) == {str(f.alias) for f in Settings.model_fields.values()}


@pytest.mark.parametrize("key", PROJECT_FILE["config"])
def test_a_key_is_typed_described_and_optional(key: str) -> None:
    declared = PROJECT_FILE["config"][key]
    assert set(declared) <= {"type", "default", "description", "items"}
    assert len(declared["description"]) > 20
    # Without a default the CLI insists on a value; and it checks the default against the type.
    assert type(declared["default"]) is PYTHON_TYPES[declared["type"]]
    if declared["type"] == "array":
        assert declared["items"]["type"] in PYTHON_TYPES


def test_the_defaults_of_the_schema_are_those_of_the_program() -> None:
    declared = {key: value["default"] for key, value in PROJECT_FILE["config"].items()}
    # The CLI knows no null.
    assert declared.pop("customDomain") == declared.pop("httpApi") == {}
    assert Settings.model_validate(declared) == Settings()


def test_the_example_stack_is_accepted() -> None:
    prefix = f"{PROJECT}:"
    settings = {k.removeprefix(prefix): v for k, v in DEV.items() if k.startswith(prefix)}
    for key, value in settings.items():
        assert isinstance(value, PYTHON_TYPES[PROJECT_FILE["config"][key]["type"]])
    plan = record(**settings)
    assert "anonymous_token_url" in plan.outputs
    assert "user_pool_id" in plan.outputs
    assert plan.outputs["audience"] == [settings["powersyncUrl"]]


def test_without_a_powersync_url_the_outputs_say_what_is_missing() -> None:
    outputs = record(powersyncUrl="").outputs
    assert outputs["audience"] == []
    block = yaml.safe_load(outputs["powersync_client_auth"])
    assert block == {"client_auth": {"jwks_uri": outputs["jwks_uri"], "audience": []}}
    assert "set powersyncUrl" in outputs["powersync_client_auth"]


def test_the_client_auth_block_is_yaml_whatever_the_audiences_are() -> None:
    audiences = ["https://x.example.com", 'quote " and: colon', "- dash", "#"]
    outputs = record(audiences=audiences).outputs
    block = yaml.safe_load(outputs["powersync_client_auth"])
    assert block["client_auth"] == {"jwks_uri": outputs["jwks_uri"], "audience": audiences}


def test_a_mistake_is_one_error_without_a_traceback() -> None:
    with pytest.raises(pulumi.RunError) as raised:
        record(rotationDays=0, alarmEmail="x")
    assert "has 2 mistakes" in str(raised.value)
