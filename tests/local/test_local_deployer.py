"""The local stack's part of the AWS provider: what it cannot do, it says, and by name."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.aws import Aws, arguments
from local.deployer import LocalDeployer
from local.emulator import Emulator
from local.engine import DeploymentError
from local.program import run_program
from local.resources.signing_keys import _for_assumed_roles

ROLE = "arn:aws:iam::000000000000:role/powersync-auth-dev-jwks"
ROLE_WITH_PATH = "arn:aws:iam::000000000000:role/service/powersync-auth-dev-jwks"
ASSUMED = "arn:aws:sts::000000000000:assumed-role/powersync-auth-dev-jwks/*"


@pytest.fixture(scope="module")
def deployer() -> Iterator[LocalDeployer]:
    with Emulator() as emulator:
        yield LocalDeployer(Aws(emulator.endpoint, "us-east-1"))


def deploy(deployer: LocalDeployer, folder: Path, *statements: str) -> dict[str, object]:
    """Runs a program of a few lines."""
    lines = ("import pulumi", "import pulumi_aws as aws", *statements)
    (folder / "__main__.py").write_text("\n".join(lines))
    config = {"aws:region": "us-east-1"}
    return run_program(deployer, project="p", stack="s", config=config, program=folder)


def test_an_unknown_resource_type_is_named(deployer: LocalDeployer, tmp_path: Path) -> None:
    with pytest.raises(DeploymentError) as caught:
        deploy(deployer, tmp_path, 'aws.sqs.Queue("photos")')
    message = str(caught.value)
    assert "aws:sqs/queue:Queue 'photos'" in message
    assert "urn:pulumi:s::p::aws:sqs/queue:Queue::photos" in message
    assert "to local/resources" in message


def test_an_unknown_data_source_is_named(deployer: LocalDeployer, tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="aws:sqs/getQueue:getQueue"):
        deploy(deployer, tmp_path, 'pulumi.export("url", aws.sqs.get_queue(name="photos").url)')


def test_a_failing_aws_call_names_the_resource(deployer: LocalDeployer, tmp_path: Path) -> None:
    statement = 'aws.iam.RolePolicy("lonely", role="nobody", policy="{}")'
    with pytest.raises(DeploymentError, match=r"RolePolicy 'lonely': .*NoSuchEntity"):
        deploy(deployer, tmp_path, statement)


def test_an_argument_that_aws_does_not_know_is_an_error(
    deployer: LocalDeployer, tmp_path: Path
) -> None:
    statement = 'aws.sns.TopicSubscription("s", topic="no-arn", protocol="email", endpoint="a@b")'
    with pytest.raises(DeploymentError, match=r"TopicSubscription 's': "):
        deploy(deployer, tmp_path, statement)


def test_a_missing_computed_output_names_the_resource(
    deployer: LocalDeployer, tmp_path: Path
) -> None:
    statements = (
        'key = aws.kms.Key("key")',
        'aws.kms.Alias("alias", name="alias/a", target_key_id=key.key_id)',
        'aws.ssm.Parameter("p", type="String", value=key.customer_master_key_spec)',
    )
    with pytest.raises(DeploymentError, match=r"Parameter 'p': .*customerMasterKeySpec.*Key::key"):
        deploy(deployer, tmp_path, *statements)


def test_an_argument_is_the_input_with_another_first_letter() -> None:
    inputs = {"apiId": "a", "corsConfiguration": {"maxAge": 5}, "tags": {"a": "b"}, "none": None}
    assert arguments(inputs) == {"ApiId": "a", "CorsConfiguration": {"MaxAge": 5}}
    assert arguments({"name": "n", "x": 1}, rename={"name": "ApiName"}, leave_out={"x"}) == {
        "ApiName": "n"
    }


def test_a_role_in_the_secrets_policy_is_put_as_the_emulator_compares() -> None:
    user = "arn:aws:iam::000000000000:user/break-glass"
    policy = json.dumps({"ArnNotEquals": {"aws:PrincipalArn": [ROLE, user, ROLE_WITH_PATH]}})
    assert json.loads(_for_assumed_roles(policy)) == {
        "ArnNotEquals": {"aws:PrincipalArn": [ASSUMED, user, ASSUMED]}
    }
