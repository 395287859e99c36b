"""Under Pulumi's real engine, where its CLI is on the PATH; AWS's provider is a stand-in.

`make test ARGS="-k engine"` runs them. What the AWS provider itself makes of the plan, and the
hosts of other languages, they cannot try.
"""

import functools
import gc
import json
import os
import runpy
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from pulumi import automation

from local.program import INFRA
from tests.infra.aws_stand_in import aws_stand_in
from tests.infra.conftest import EVERYTHING
from tests.infra.plan import DEFAULTS, PROJECT
from tests.infra.provider_process import COMPONENT, provider_process

pytestmark = [
    pytest.mark.skipif(shutil.which("pulumi") is None, reason="the Pulumi CLI is not on the PATH"),
    # Pulumi's automation leaves the event loop open in which it has run the program.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _nothing_is_left_for_other_tests_to_stumble_over() -> Iterator[None]:
    yield
    gc.collect()


SETTINGS = {**DEFAULTS, **EVERYTHING}


@pytest.fixture(scope="module")
def providers() -> Iterator[str]:
    with aws_stand_in() as aws_port, provider_process() as (process, _):
        yield f"aws:{aws_port},{PROJECT}:{process.port}"


def the_program() -> None:
    runpy.run_path(str(INFRA / "__main__.py"), run_name="__main__")


class Deployment:
    """A stack of the real engine, with its state in a folder."""

    def __init__(self, folder: Path, providers: str, project: str = PROJECT) -> None:
        for each in ("state", "home", "work"):
            (folder / each).mkdir()
        self._options = automation.LocalWorkspaceOptions(
            work_dir=str(folder / "work"),
            env_vars={
                "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
                "PULUMI_HOME": str(folder / "home"),
                "PULUMI_CONFIG_PASSPHRASE": "",
                "PULUMI_SKIP_UPDATE_CHECK": "1",
                "PULUMI_DEBUG_PROVIDERS": providers,
                "PATH": os.environ["PATH"],
            },
        )
        self._project = project

    def stack(self, program: Callable[[], None] = the_program, **settings: Any) -> automation.Stack:
        stack = automation.create_or_select_stack("dev", self._project, program, opts=self._options)
        stack.set_config("aws:region", automation.ConfigValue("eu-central-1"))
        for key, value in settings.items():
            text = value if isinstance(value, str) else json.dumps(value)
            stack.set_config(f"{PROJECT}:{key}", automation.ConfigValue(text))
        return stack


@pytest.fixture
def deployment(tmp_path: Path, providers: str) -> Deployment:
    return Deployment(tmp_path, providers)


def steps(act: Callable[..., Any]) -> Counter[str]:
    """What the engine does, or would do, by kind."""
    events: list[Any] = []
    act(on_event=events.append)
    happened = [e.resource_pre_event.metadata for e in events if e.resource_pre_event]
    return Counter(step.op.value for step in happened)


def test_a_second_up_changes_nothing(deployment: Deployment) -> None:
    stack = deployment.stack(**SETTINGS)
    assert steps(stack.up).keys() == {"create"}
    assert steps(stack.preview).keys() == {"same"}
    assert stack.outputs()["jwks_uri"].value == "https://auth.example.com/.well-known/jwks.json"


def test_a_stack_from_before_the_component_is_taken_over(deployment: Deployment) -> None:
    stack = deployment.stack(**SETTINGS)
    stack.up()
    stack.import_stack(without_the_component(stack.export_stack()))
    assert steps(stack.preview).keys() == {"same", "create"}
    taken = steps(stack.up)
    assert taken["create"] == 1
    assert taken.keys() == {"same", "create"}
    assert steps(stack.preview).keys() == {"same"}


def without_the_component(state: automation.Deployment) -> automation.Deployment:
    """The state as the release before has left it, whose parts were the program's own."""
    former = json.loads(json.dumps(state.deployment).replace(f"{COMPONENT}$", ""))
    resources = former["resources"]
    (component,) = [r["urn"] for r in resources if r["type"] == COMPONENT]
    (root,) = [r["urn"] for r in resources if r["type"] == "pulumi:pulumi:Stack"]
    kept = [
        {**r, "parent": root} if r.get("parent") == component else r
        for r in resources
        if r["urn"] != component
    ]
    return automation.Deployment(state.version, {**former, "resources": kept})


def test_two_ways_to_start_at_once_are_refused_at_preview(deployment: Deployment) -> None:
    deployment.stack(**SETTINGS, provisionedConcurrency=1).up()
    stack = deployment.stack(**SETTINGS, provisionedConcurrency=0, snapStart=True)
    with pytest.raises(automation.CommandError, match="Deploy once with provisionedConcurrency 0"):
        stack.preview()


class Remote(pulumi.ComponentResource):
    """The component as an SDK of any language asks for it."""

    def __init__(self, name: str, inputs: dict[str, Any]) -> None:
        super().__init__(COMPONENT, name, inputs, None, remote=True)


def with_a_pool_of_its_own(**inputs: Any) -> None:
    users = aws.cognito.UserPool("theirs")
    app = aws.cognito.UserPoolClient("theirs", user_pool_id=users.id)
    issuer = pulumi.Output.concat("https://", users.endpoint)
    provider = {"issuer": issuer, "clientIds": [app.id]}
    Remote("auth", {**DEFAULTS, "identityProviders": [provider], **inputs})


@pytest.fixture
def theirs(tmp_path: Path, providers: str) -> Deployment:
    return Deployment(tmp_path, providers, "acme")


def test_inputs_are_outputs_of_what_is_not_there_yet(theirs: Deployment) -> None:
    stack = theirs.stack(with_a_pool_of_its_own)
    foreseen = steps(stack.preview)
    assert steps(stack.up) == foreseen
    assert foreseen.keys() == {"create"}
    assert steps(stack.preview).keys() == {"same"}
    told = environment(stack, "auth-auth")["IDENTITY_PROVIDERS"]
    assert json.loads(told)[0]["clientIds"] == ["id-of-theirs"]


def environment(stack: automation.Stack, function: str) -> dict[str, Any]:
    (found,) = [
        resource["inputs"]["environment"]["variables"]
        for resource in dict(stack.export_stack().deployment or {})["resources"]
        if resource["type"] == "aws:lambda/function:Function"
        and resource["urn"].endswith(f"::{function}")
    ]
    variables: dict[str, Any] = found
    return variables


def test_a_secret_is_nowhere_in_the_state(theirs: Deployment, tmp_path: Path) -> None:
    key = {"issuer": "https://l.acme.dev", "audiences": ["a"], "checkSession": {"apiKey": "hush"}}

    def program() -> None:
        with_a_pool_of_its_own(identityProviders=pulumi.Output.secret([key]))

    stack = theirs.stack(program)
    stack.up()
    kept = [file.read_text("utf-8") for file in (tmp_path / "state").rglob("*.json")]
    assert "hush" in json.dumps(environment(stack, "auth-auth")), "decrypted, it is there"
    assert kept
    assert not any("hush" in text for text in kept)


def test_mistakes_are_shown_by_input_and_without_a_traceback(theirs: Deployment) -> None:
    stack = theirs.stack(
        functools.partial(with_a_pool_of_its_own, powersyncUrl="https://x/", rotationDays=0)
    )
    with pytest.raises(automation.CommandError) as raised:
        stack.preview()
    shown = str(raised.value)
    assert "powersyncUrl" in shown
    assert "should not end with a slash" in shown
    assert "rotationDays" in shown
    assert "Traceback" not in shown
    assert 'File "' not in shown
