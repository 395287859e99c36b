"""The component for programs of other languages, through the process that Pulumi starts for it."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from pulumi.runtime.proto import errors_pb2, provider_pb2, status_pb2

from powersync_auth.component import PowerSyncAuth
from powersync_auth.plugin import NAME, VERSION
from tests.infra.conftest import EVERYTHING
from tests.infra.plan import DEFAULTS, PROJECT, Recorder, record
from tests.infra.provider_process import (
    COMPONENT,
    ROOT,
    UNKNOWN,
    ProviderProcess,
    provider_process,
    secret,
)

CONFIG = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]


@pytest.fixture(scope="module")
def process() -> Iterator[ProviderProcess]:
    with provider_process() as (started, engine):
        yield started
        assert engine.errors == []


@pytest.fixture(scope="module")
def schema(process: ProviderProcess) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(process.schema())
    return described


def mistakes_of(error: grpc.RpcError) -> dict[str, str]:
    """What Pulumi shows, by property."""
    (details,) = [v for k, v in error.trailing_metadata() if k == "grpc-status-details-bin"]
    status = status_pb2.Status.FromString(details)
    told = errors_pb2.InputPropertiesError()
    assert status.details[0].Unpack(told)
    return {each.property_path: each.reason for each in told.errors}


def test_every_setting_is_an_input_with_its_words_and_its_type(schema: dict[str, Any]) -> None:
    """`Pulumi.yaml` and the schema describe the same."""
    inputs = schema["resources"][COMPONENT]["inputProperties"]
    assert inputs.keys() == CONFIG.keys()
    for key, setting in CONFIG.items():
        described = " ".join(inputs[key]["description"].split())
        assert described == " ".join(setting["description"].split()), key
        kind = inputs[key].get("type", "object")
        assert kind == setting["type"], key
    assert not schema["resources"][COMPONENT].get("requiredInputs")


def test_what_decides_nothing_may_be_an_output_of_another_resource(schema: dict[str, Any]) -> None:
    inputs = schema["resources"][COMPONENT]["inputProperties"]
    assert {key for key, value in inputs.items() if not value.get("plain")} == {
        *("powersyncUrl", "audiences", "legacyKeys", "identityProviders", "corsOrigins"),
        *("alarmEmail", "alarmTopicArn", "customerKeyArn", "breakGlassPrincipals"),
        "permissionsBoundary",
    }
    domain = schema["types"][f"{PROJECT}:index:CustomDomain"]["properties"]
    assert [key for key, value in domain.items() if value.get("plain")] == ["keepExecuteApi"]


def test_every_output_is_described(schema: dict[str, Any]) -> None:
    described = schema["resources"][COMPONENT]["properties"]
    assert len(described) == len(PowerSyncAuth.__annotations__)
    assert all(output["description"] for output in described.values())
    required = set(schema["resources"][COMPONENT]["required"])
    assert {"jwksUri", "tokenUrl", "issuer", "audience", "powersyncClientAuth"} <= required
    assert "anonymousTokenUrl" not in required


def test_the_version_is_the_projects(schema: dict[str, Any]) -> None:
    assert schema["version"] == VERSION
    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text()
    assert schema["name"] == NAME == PROJECT


def test_it_has_no_configuration_of_its_own(process: ProviderProcess) -> None:
    urn = f"urn:pulumi:dev::acme::pulumi:providers:{NAME}::default"
    checked = process.stub.CheckConfig(provider_pb2.CheckRequest(urn=urn))
    assert not checked.failures
    changed = process.stub.DiffConfig(provider_pb2.DiffRequest(urn=urn)).changes
    assert changed == provider_pb2.DiffResponse.DIFF_NONE
    accepted = process.stub.Configure(provider_pb2.ConfigureRequest())
    assert accepted.acceptSecrets
    assert accepted.acceptOutputs


def test_the_order_of_members_changes_nothing(process: ProviderProcess) -> None:
    """A program in Go gives them in another order each time."""
    provider = {"issuer": "https://l.acme.dev", "audiences": ["app"], "subjectPrefix": "acme|"}
    one, other = (
        process.construct({**DEFAULTS, "identityProviders": [dict(members)]}).environment("auth")
        for members in (provider.items(), reversed(provider.items()))
    )
    assert one["IDENTITY_PROVIDERS"] == other["IDENTITY_PROVIDERS"]


@pytest.mark.parametrize("settings", [{}, EVERYTHING], ids=["plain", "everything"])
def test_the_plan_is_the_one_of_the_program(
    process: ProviderProcess, settings: dict[str, Any]
) -> None:
    planned = process.construct({**DEFAULTS, **settings})
    expected = record(**settings)
    inputs = [
        {r.urn: {k: v for k, v in r.inputs.items() if k != "code"} for r in plan.resources}
        for plan in (planned, expected)
    ]
    assert without_bundle(inputs[0]) == without_bundle(inputs[1])
    camel = {re.sub(r"_(\w)", lambda m: m[1].upper(), k): v for k, v in expected.outputs.items()}
    assert planned.outputs == camel


def without_bundle(inputs: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The zip is a real one in the process, and stands for one in the tests of the plan."""
    return {
        urn: {k: v for k, v in given.items() if k != "triggers"} for urn, given in inputs.items()
    }


def test_what_a_preview_does_not_know_is_left_open(process: ProviderProcess) -> None:
    plan = process.construct({"powersyncUrl": UNKNOWN, "identityProviders": UNKNOWN}, preview=True)
    told = plan.environment("auth")
    assert not {"POWERSYNC_URL", "AUDIENCES", "IDENTITY_PROVIDERS"} & told.keys()
    assert told["TOKEN_LIFETIME_SECONDS"] == "300"
    known = process.construct(DEFAULTS).resources
    assert {r.urn for r in plan.resources} == {r.urn for r in known}


def test_an_output_of_another_resource_is_taken_with_its_dependency(
    process: ProviderProcess,
) -> None:
    urn = "urn:pulumi:dev::powersync-auth::aws:cognito/userPool:UserPool::theirs"
    plan = process.construct(
        {
            **DEFAULTS,
            "identityProviders": [{"issuer": "https://login.acme.dev", "audiences": ["app"]}],
        },
        depends={"identityProviders": urn},
    )
    told = json.loads(plan.environment("auth")["IDENTITY_PROVIDERS"])
    assert told == [{"issuer": "https://login.acme.dev", "audiences": ["app"]}]
    functions = plan.of("Function")
    assert {n for n, f in functions.items() if urn in f.dependencies} == {"auth"}


def test_a_secret_stays_one(process: ProviderProcess) -> None:
    key = {
        "issuer": "https://login.acme.dev",
        "audiences": ["app"],
        "checkSession": {"apiKey": "k"},
    }
    plan = process.construct({**DEFAULTS, "identityProviders": secret([key])})
    functions = plan.of("Function")
    assert {n for n, f in functions.items() if "environment" in f.secret_inputs} == {"auth"}


@pytest.mark.parametrize(
    ("inputs", "mistakes"),
    [
        (
            {"powersyncUrl": "x/", "rotationDays": 0.0, "anonymous": {"enabeld": True}},
            {
                "powersyncUrl": "should be the URL of the PowerSync instance",
                "rotationDays": "should be greater than or equal to 1",
                "anonymous.enabeld": "no such key; did you mean enabled?",
            },
        ),
        ({"powersyncURL": "https://x.acme.dev"}, {"powersyncURL": "there is no such input"}),
        ({"createUserPool": secret(True)}, {"createUserPool": "should be known"}),
        (
            {"identityProviders": [{"issuer": "https://l.acme.dev", "requiredScope": ["x"]}]},
            {"identityProviders[0].requiredScope": "did you mean requiredScopes"},
        ),
    ],
)
def test_what_is_wrong_is_told_by_property_and_without_a_traceback(
    process: ProviderProcess, inputs: dict[str, Any], mistakes: dict[str, str]
) -> None:
    recorder = Recorder()
    with pytest.raises(grpc.RpcError) as raised:
        process.construct(inputs, recorder=recorder)
    told = mistakes_of(raised.value)
    for path, part in mistakes.items():
        assert part in told[path]
    assert "Traceback" not in str(raised.value)
    assert recorder.resources == []


def test_what_is_found_wrong_later_is_told_likewise(process: ProviderProcess) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        process.construct({"powersyncUrl": secret("https://x.acme.dev/")})
    told = mistakes_of(raised.value)
    assert "should not end with a slash" in told["powersyncUrl"]


def test_two_at_once_get_what_is_theirs(process: ProviderProcess) -> None:
    recorder = Recorder()
    for name in ("mobile", "web"):
        process.construct(DEFAULTS, name=name, recorder=recorder, project="acme")
    named = [
        r.inputs["name"] for r in recorder.resources if r.type.endswith(":Function") and r.custom
    ]
    assert len(set(named)) == len(named) == 6


def test_the_zip_is_kept_elsewhere_where_nothing_may_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "plugin"
    shutil.copytree(
        ROOT,
        folder,
        ignore=shutil.ignore_patterns(".*", "node_modules", "tests", "docs", "__pycache__"),
    )
    (folder / ".local").write_text("a folder cannot be made here, as on a read-only disk")
    before = {path for path in folder.rglob("*") if "__pycache__" not in path.parts}
    home = tmp_path / "cache"
    # What uv has fetched before stays where it is.
    fetched = os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv"))
    told = {"XDG_CACHE_HOME": str(home), "UV_CACHE_DIR": fetched}
    with provider_process(folder, told) as (process, _):
        (function, *_) = process.construct(DEFAULTS).of("Function").values()
    assert function.inputs["code"].is_relative_to(home)
    assert {path for path in folder.rglob("*") if "__pycache__" not in path.parts} == before
