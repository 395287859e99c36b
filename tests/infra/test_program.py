"""The runner that executes the Pulumi program without the CLI."""

import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from local.engine import DeploymentError
from local.program import run_program
from local.resource import Created, Resource
from tests.patience import PATIENT

URN = "urn:pulumi:dev::project"


class Deployer:
    """Answers with the outputs given to it, or with an error."""

    def __init__(self, outputs: Mapping[str, Any], error: Exception | None = None) -> None:
        self.resources: list[Resource] = []
        self._outputs = outputs
        self._error = error

    def create(self, resource: Resource) -> Created:
        if self._error:
            raise self._error
        self.resources.append(resource)
        return Created("the-id", self._outputs)

    def invoke(self, token: str, arguments: Mapping[str, Any], provider: str) -> Mapping[str, Any]:
        raise LookupError(f"cannot tell {token} {arguments} {provider}".rstrip())


@pytest.fixture
def run(tmp_path: Path) -> Any:
    def run(source: str, deployer: Deployer, **config: str) -> dict[str, Any]:
        header = "import pulumi\nimport pulumi_aws as aws\n"
        (tmp_path / "__main__.py").write_text(header + dedent(source))
        return run_program(
            deployer,
            project="project",
            stack="dev",
            config={f"project:{key}": value for key, value in config.items()},
            secret_keys=["project:password"],
            program=tmp_path,
        )

    return run


PARAMETER_AND_KEY = """
    parameter = aws.ssm.Parameter("p", type="String", insecure_value="x")
    aws.kms.Key("k", description=parameter.arn, deletion_window_in_days=7,
                opts=pulumi.ResourceOptions(protect=True, ignore_changes=["tags"]))
"""


def test_resources_arrive_in_order_with_their_inputs(run: Any) -> None:
    deployer = Deployer({"arn": "arn:p"})
    run(PARAMETER_AND_KEY, deployer)
    parameter, key = deployer.resources
    assert parameter.urn == f"{URN}::aws:ssm/parameter:Parameter::p"
    assert parameter.inputs == {"type": "String", "insecureValue": "x"}
    assert key.inputs == {"description": "arn:p", "deletionWindowInDays": 7}
    assert isinstance(key.inputs["deletionWindowInDays"], int)
    assert key.dependencies == (parameter.urn,)
    assert key.protect
    assert key.ignore_changes == ("tags",)


def test_an_output_that_was_left_out_is_an_error_naming_both_resources(run: Any) -> None:
    with pytest.raises(DeploymentError, match=r"kms/key:Key 'k': needs <output 'arn' of \S+::p"):
        run(PARAMETER_AND_KEY, Deployer({}))


def test_a_stack_output_that_was_left_out_is_an_error(run: Any) -> None:
    source = 'pulumi.export("arn", aws.ssm.Parameter("p", type="String").arn)'
    with pytest.raises(DeploymentError, match=r"outputs of \S+: needs <output 'arn' of \S+::p"):
        run(source, Deployer({}))


def test_a_failing_resource_is_the_error_and_is_named(run: Any) -> None:
    failure = ValueError("AWS says no")
    with pytest.raises(
        DeploymentError, match=r"^aws:ssm/parameter:Parameter 'p': AWS says no$"
    ) as e:
        run(PARAMETER_AND_KEY, Deployer({}, failure))
    assert e.value.__cause__ is failure


def test_a_failing_data_source_is_named(run: Any) -> None:
    with pytest.raises(DeploymentError, match=r"^aws:index/getRegion:getRegion: cannot tell"):
        run('pulumi.export("region", aws.get_region_output().region)', Deployer({}))


def test_a_mistake_in_the_program_comes_out_as_it_is(run: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        run("1 / 0", Deployer({}))


def test_a_signal_handler_that_raises_ends_the_run_at_once(run: Any) -> None:
    """As Ctrl-C does: it ends the embedded AWS, so that calls fail, and raises."""

    class Stopped(BaseException):
        pass

    ended = threading.Event()

    def stop(*_: object) -> None:
        ended.set()
        raise Stopped

    class DeployerThatIsInterrupted(Deployer):
        def create(self, resource: Resource) -> Created:
            if resource.name == "k":
                os.kill(os.getpid(), signal.SIGUSR1)
                ended.wait(PATIENT)
                raise ConnectionError("the embedded AWS has ended")
            return super().create(resource)

    before = signal.signal(signal.SIGUSR1, stop)
    try:
        with pytest.raises(Stopped):
            run(PARAMETER_AND_KEY, DeployerThatIsInterrupted({"arn": "arn:p"}))
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_the_same_name_twice_is_an_error(run: Any) -> None:
    source = 'aws.ssm.Parameter("p", type="String"); aws.ssm.Parameter("p", type="String")'
    with pytest.raises(DeploymentError, match=r"Parameter 'p': registered twice"):
        run(source, Deployer({"arn": "arn:p"}))


def test_secrets_are_told_apart(run: Any) -> None:
    deployer = Deployer({"arn": "arn:p"})
    source = """
    config = pulumi.Config()
    aws.ssm.Parameter("p", type="SecureString", value=config.require_secret("password"),
                      description=config.require("purpose"))
    """
    run(source, deployer, password="geheim", purpose="test")
    (parameter,) = deployer.resources
    assert parameter.inputs["value"] == "geheim"
    assert parameter.secret_inputs == {"value"}


def test_runs_do_not_see_each_other(run: Any) -> None:
    source = 'pulumi.export("value", pulumi.Config().get("value") or "none")'
    assert run(source, Deployer({}), value="first") == {"value": "first"}
    assert run(source, Deployer({})) == {"value": "none"}
