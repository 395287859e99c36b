"""The policy of a role that deploys, compared with the plan and with what a provider called."""

import json
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from local.recorder import Recorder
from local.resource import Resource
from operate.deployer.__main__ import app, planned
from operate.deployer.policy import deployer_policy, kind, name_in_aws
from operate.deployer.rights import RIGHTS
from tests.infra.conftest import naming
from tests.infra.plan import Plan

LONGEST_POLICY = 10_240
"""Characters, without white space, that all inline policies of a role may have together."""

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ["--stack=prod", "--account=123456789012", "--region=eu-central-1"]
DOMAIN = "--domain=auth.example.com"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"

CALLED = {
    line
    for line in (Path(__file__).parent / "provider_calls.txt").read_text().splitlines()
    if not line.startswith("#")
} - {"sts:GetCallerIdentity"}  # needs no permission

ONLY_PERMISSIONS = {
    "iam:PassRole",
    "lambda:InvokeFunction",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:UpdateLogDelivery",
}
"""Actions that are no operation of the API under that name; API Gateway's are HTTP's verbs."""


@pytest.fixture(scope="module", name="policy")
def _policy(bundle: Path) -> dict[str, Any]:
    with naming(bundle):
        return printed(*EXAMPLE, DOMAIN)


def printed(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def allowed(policy: dict[str, Any]) -> set[str]:
    return {
        action
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow"
        for action in statement["Action"]
    }


def where(policy: dict[str, Any], action: str) -> list[dict[str, Any]]:
    return [s for s in policy["Statement"] if s["Effect"] == "Allow" and action in s["Action"]]


def test_the_example_in_the_documentation_is_what_the_command_prints(
    policy: dict[str, Any],
) -> None:
    assert json.loads((ROOT / "docs/deployer-policy.json").read_text()) == policy


def test_everything_that_a_provider_called_is_allowed(policy: dict[str, Any]) -> None:
    assert len(CALLED) > 80
    assert CALLED - allowed(policy) == set()


def test_every_kind_of_resource_has_its_rights(full_plan: Plan, policy: dict[str, Any]) -> None:
    kinds = {kind(resource) for resource in full_plan.resources if resource.custom}
    assert kinds <= RIGHTS.keys()
    assert policy["Version"] == "2012-10-17"


def test_every_resource_with_a_name_is_reached_by_it(policy: dict[str, Any]) -> None:
    recorder = Recorder()
    reached = [
        arn
        for s in policy["Statement"]
        if isinstance(s["Resource"], list) and s["Sid"] != "HandRolesToLambda"
        for arn in s["Resource"]
    ]
    named = 0
    for resource in planned(recorder, "prod", "auth.example.com"):
        templates = RIGHTS[kind(resource)].of_it if resource.custom else ()
        if any("{name}" in template for template in templates):
            named += 1
            name = name_in_aws(resource)
            assert name, resource.type
            assert any(name in arn for arn in reached), resource.type
    assert named > 20


def test_every_action_is_one_of_aws(policy: dict[str, Any]) -> None:
    services = {action.split(":")[0] for action in allowed(policy)} - {"apigateway"}
    operations = {
        f"{service}:{operation}"
        for service in services
        for operation in boto3.client(service, "eu-central-1").meta.service_model.operation_names
    }
    actions = {action for action in allowed(policy) if not action.startswith("apigateway:")}
    assert actions - operations == ONLY_PERMISSIONS


def test_what_can_be_limited_to_this_stack_is(policy: dict[str, Any]) -> None:
    for statement in policy["Statement"]:
        for action in statement["Action"]:
            assert "*" not in action
        if statement["Resource"] == "*":
            if statement["Sid"] != "Anywhere":
                assert statement["Condition"]["StringEquals"], statement["Sid"]
            continue
        for arn in statement["Resource"]:
            assert "powersync-auth-prod-" in arn or arn.startswith("arn:aws:apigateway:"), arn
            # Another stack of this project is not meant by it.
            assert not fnmatchcase(arn.replace("-prod-", "-prod-eu-"), arn) or "apigateway" in arn


def test_what_cannot_be_limited_changes_nothing_of_others(policy: dict[str, Any]) -> None:
    (anywhere,) = [s for s in policy["Statement"] if s["Sid"] == "Anywhere"]
    changing = {
        action
        for action in anywhere["Action"]
        if not action.split(":")[1].startswith(("Describe", "List", "Get"))
    }
    assert changing == {
        "logs:CreateLogDelivery",
        "logs:UpdateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:PutResourcePolicy",
        "sns:Unsubscribe",
    }


def test_roles_are_handed_to_lambda_only_and_only_these(policy: dict[str, Any]) -> None:
    (passing,) = where(policy, "iam:PassRole")
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    assert [arn.rsplit("-eu-central-1-", 1)[1] for arn in passing["Resource"]] == [
        "auth",
        "auth-anonymous",
        "jwks",
        "rotate",
    ]


def test_who_deploys_does_not_read_the_key_ring(policy: dict[str, Any]) -> None:
    assert not any("SecretValue" in action for action in allowed(policy))
    (decrypting,) = where(policy, "kms:Decrypt")
    assert decrypting["Condition"]["StringEquals"] == {
        "kms:ViaService": "secretsmanager.eu-central-1.amazonaws.com",
        "aws:ResourceTag/project": "powersync-auth",
        "aws:ResourceTag/stack": "prod",
    }


def test_what_aws_names_is_known_by_the_stack_s_tags(policy: dict[str, Any]) -> None:
    tags = {"project": "powersync-auth", "stack": "prod"}
    for action in ("kms:ScheduleKeyDeletion", "cognito-idp:DeleteUserPool"):
        (statement,) = where(policy, action)
        assert statement["Condition"]["StringEquals"] == {
            f"aws:ResourceTag/{key}": value for key, value in tags.items()
        }
    for action in ("kms:CreateKey", "cognito-idp:CreateUserPool"):
        (statement,) = where(policy, action)
        assert statement["Condition"]["StringEquals"] == {
            f"aws:RequestTag/{key}": value for key, value in tags.items()
        }


def test_the_policy_fits_into_a_role() -> None:
    for more in ([], [f"--boundary={BOUNDARY}"]):
        document = printed(*EXAMPLE, DOMAIN, *more)
        assert len(json.dumps(document, separators=(",", ":"))) <= LONGEST_POLICY


def test_with_a_boundary_no_role_is_made_without_it() -> None:
    document = printed(*EXAMPLE, f"--boundary={BOUNDARY}")
    without = {s["Sid"]: s for s in document["Statement"] if s["Effect"] == "Deny"}
    bounded = without["OnlyWithinTheBoundary"]
    assert bounded["Condition"] == {"StringNotEquals": {"iam:PermissionsBoundary": BOUNDARY}}
    assert {"iam:CreateRole", "iam:PutRolePolicy"} <= set(bounded["Action"])
    assert without["TheBoundaryStays"]["Action"] == ["iam:DeleteRolePermissionsBoundary"]
    assert bounded["Resource"] == where(document, "iam:PassRole")[0]["Resource"]


def test_without_a_domain_there_is_nothing_about_domains() -> None:
    text = json.dumps(printed(*EXAMPLE))
    assert "domainnames" not in text
    assert "CreateServiceLinkedRole" not in text


def test_an_endpoint_of_one_s_own_is_not_taken_for_aws_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert "127.0.0.1" not in json.dumps(printed(*EXAMPLE))


def test_china_has_its_own_partition() -> None:
    document = printed("--stack=prod", "--account=123456789012", "--region=cn-northwest-1")
    text = json.dumps(document)
    assert "arn:aws:" not in text
    assert "secretsmanager.cn-northwest-1.amazonaws.com.cn" in text
    assert "cognito-idp" not in text, "there are no user pools"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--stack=prod", "--account=12345", "--region=eu-central-1"], "12 digits"),
        (["--stack=prod", "--account=123456789012", "--region=nowhere"], "nowhere"),
        (["--stack=prod", "--account=123456789012", "--region=us-isof-south-1"], "no HTTP APIs"),
    ],
)
def test_what_cannot_be_is_said(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code != 0
    assert told in result.output


def test_the_statements_are_of_resources_that_were_planned() -> None:
    with pytest.raises(KeyError):
        deployer_policy(
            [_unknown()], project="p", stack="s", region="eu-central-1", account="123456789012"
        )


def _unknown() -> Resource:
    resource = next(r for r in planned(Recorder(), "prod") if r.custom)
    return replace(resource, type="aws:quantum/thing:Thing")
