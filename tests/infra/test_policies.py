"""Least privilege, read from the JSON policies of the plan."""

import json
from typing import Any

import pytest

from tests.infra.plan import ACCOUNT, REGION, Plan, record
from token_service.keys.seal_key import SealKey

SEALS_ONLY = {"kms:EncryptionContext:JwksParameter": "/powersync-auth-dev-jwks"}
FUNCTIONS = ["jwks", "auth", "auth-anonymous", "rotate"]


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def actions(statements: list[dict[str, Any]]) -> set[str]:
    return {action for statement in statements for action in as_list(statement["Action"])}


def test_no_policy_has_a_wildcard(plan: Plan) -> None:
    policies = plan.policies()
    assert len(policies) >= 8
    for name, document in policies.items():
        assert document["Version"] == "2012-10-17"
        for statement in document["Statement"]:
            assert "NotAction" not in statement
            assert "NotResource" not in statement
            assert "NotPrincipal" not in statement
            for action in as_list(statement["Action"]):
                assert "*" not in action, name
            for resource in as_list(statement.get("Resource", [])):
                if name.startswith("Key "):
                    assert resource == "*"  # within a key's policy it can only be the key
                elif resource.endswith(":log-stream:*"):
                    assert resource.count("*") == 1  # Lambda names the streams
                else:
                    assert "*" not in resource, name
            if statement["Effect"] == "Allow" and "Principal" in statement:
                assert "*" not in json.dumps(statement["Principal"])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_role_is_for_lambda_and_for_one_function(full_plan: Plan, name: str) -> None:
    role = full_plan.of("Role")[name]
    (trust,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    users = [
        n
        for n, f in full_plan.of("Function").items()
        if f.inputs["role"].endswith(f"/{role.inputs['name']}")
    ]
    assert users == [name]
    assert full_plan.of("RolePolicy")[name].inputs["role"] == role.inputs["name"]
    assert "managedPolicyArns" not in role.inputs


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_writes_its_own_log_only(full_plan: Plan, name: str) -> None:
    logs = [s for s in full_plan.role_statements(name) if "logs:" in json.dumps(s["Action"])]
    (statement,) = logs
    assert statement["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert statement["Resource"] == (
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/powersync-auth-dev-{name}"
        ":log-stream:*"
    )


def test_the_jwks_function_reads_the_parameter_and_nothing_else(full_plan: Plan) -> None:
    statements = full_plan.role_statements("jwks")
    assert actions(statements) == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "ssm:GetParameter",
        "kms:Decrypt",  # of seals: see below
    }
    role = full_plan.of("Role")["jwks"].inputs["name"]
    assert role not in json.dumps([full_plan.one("SecretPolicy").inputs["policy"]])
    assert "KEYRING_SECRET_ARN" not in full_plan.environment("jwks")


@pytest.mark.parametrize("name", ["auth", "auth-anonymous"])
def test_a_token_function_reads_the_ring_and_nothing_else(full_plan: Plan, name: str) -> None:
    assert actions(full_plan.role_statements(name)) == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "secretsmanager:GetSecretValue",
        "kms:Decrypt",
    }


def test_the_rotate_function_writes_ring_and_jwks(full_plan: Plan) -> None:
    assert actions(full_plan.role_statements("rotate")) == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
        "kms:Decrypt",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "ssm:AddTagsToResource",
        "ssm:GetParameter",
        "ssm:PutParameter",
    }


@pytest.mark.parametrize("name", ["auth", "auth-anonymous", "rotate"])
def test_the_customer_key_is_used_through_secrets_manager_for_this_secret(
    full_plan: Plan, name: str
) -> None:
    secret = full_plan.environment("rotate")["KEYRING_SECRET_ARN"]
    statement = next(s for s in full_plan.role_statements(name) if "kms:Decrypt" in s["Action"])
    assert statement["Resource"] == f"arn:aws:kms:{REGION}:{ACCOUNT}:key/signing-keys"
    assert statement["Condition"] == {
        "StringEquals": {
            "kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com",
            "kms:EncryptionContext:SecretARN": secret,
        }
    }


def test_the_key_policy_lets_nobody_use_the_key_directly(plan: Plan) -> None:
    policy = json.loads(plan.of("Key")["signing-keys"].inputs["policy"])
    administration, use, *seals = policy["Statement"]
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert administration["Principal"] == use["Principal"] == root
    assert "kms:PutKeyPolicy" in administration["Action"]  # or KMS refuses the policy
    for using in ("Decrypt", "Encrypt", "GenerateDataKey", "ReEncrypt", "CreateGrant", "Sign"):
        assert not any(using in action for action in administration["Action"])
    assert use["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert use["Condition"]["StringEquals"] == {
        "kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com",
        "kms:CallerAccount": ACCOUNT,
    }
    roles = f"arn:aws:iam::{ACCOUNT}:role/powersync-auth-dev-{REGION}"
    for statement, action, users in zip(
        seals, ("kms:Encrypt", "kms:Decrypt"), (("rotate",), ("rotate", "jwks")), strict=True
    ):
        assert statement["Effect"] == "Allow"
        assert statement["Principal"] == root
        assert statement["Action"] == [action]
        assert statement["Condition"] == {
            "ArnEquals": {"aws:PrincipalArn": [f"{roles}-{user}" for user in users]},
            "StringEquals": SEALS_ONLY,
        }


@pytest.mark.parametrize(
    ("name", "wanted"), [("jwks", ["kms:Decrypt"]), ("rotate", ["kms:Decrypt", "kms:Encrypt"])]
)
def test_the_customer_key_seals_the_jwks_and_nothing_else(
    full_plan: Plan, name: str, wanted: list[str]
) -> None:
    statement = full_plan.role_statements(name)[-1]
    assert statement == {
        "Effect": "Allow",
        "Action": wanted,
        "Resource": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/signing-keys",
        "Condition": {"StringEquals": SEALS_ONLY},
    }


@pytest.mark.parametrize("name", ["jwks", "rotate"])
def test_a_function_uses_the_key_as_the_policies_say(full_plan: Plan, name: str) -> None:
    environment = full_plan.environment(name)
    assert environment["SEAL_KEY_ARN"] == f"arn:aws:kms:{REGION}:{ACCOUNT}:key/signing-keys"
    key = SealKey.connect(environment["SEAL_KEY_ARN"], environment["JWKS_PARAMETER"])
    where = key.where()
    assert where["KeyId"] == environment["SEAL_KEY_ARN"]
    context = where["EncryptionContext"]
    assert isinstance(context, dict)
    assert {f"kms:EncryptionContext:{pair}": value for pair, value in context.items()} == SEALS_ONLY


def test_the_secret_is_closed_to_everybody_else(full_plan: Plan) -> None:
    attached = full_plan.one("SecretPolicy")
    secret = full_plan.environment("rotate")["KEYRING_SECRET_ARN"]
    assert attached.inputs["secretArn"] == secret
    assert attached.inputs["blockPublicPolicy"] is True
    reads, writes = json.loads(attached.inputs["policy"])["Statement"]
    prefix = f"arn:aws:iam::{ACCOUNT}:role/powersync-auth-dev-{REGION}-"
    for statement in (reads, writes):
        assert statement["Effect"] == "Deny"
        assert statement["Principal"] == "*"
        assert statement["Resource"] == secret
        assert statement["Condition"]["BoolIfExists"] == {"aws:PrincipalIsAWSService": "false"}
    assert reads["Action"] == ["secretsmanager:GetSecretValue"]
    assert reads["Condition"]["ArnNotEquals"]["aws:PrincipalArn"] == [
        f"{prefix}auth",
        f"{prefix}auth-anonymous",
        f"{prefix}rotate",
        f"arn:aws:iam::{ACCOUNT}:role/break-glass",
    ]
    assert set(writes["Action"]) == {
        "secretsmanager:PutSecretValue",
        "secretsmanager:ReplicateSecretToRegions",
        "secretsmanager:UpdateSecret",
        "secretsmanager:UpdateSecretVersionStage",
    }
    assert writes["Condition"]["ArnNotEquals"]["aws:PrincipalArn"] == [f"{prefix}rotate"]


def test_without_anonymous_tokens_two_functions_read_the_secret(default_plan: Plan) -> None:
    reads, _ = json.loads(default_plan.one("SecretPolicy").inputs["policy"])["Statement"]
    assert reads["Condition"]["ArnNotEquals"]["aws:PrincipalArn"] == [
        f"arn:aws:iam::{ACCOUNT}:role/powersync-auth-dev-{REGION}-auth",
        f"arn:aws:iam::{ACCOUNT}:role/powersync-auth-dev-{REGION}-rotate",
    ]


def test_only_named_sources_invoke_the_functions(full_plan: Plan) -> None:
    api = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:api-id/*"
    secret = full_plan.environment("rotate")["KEYRING_SECRET_ARN"]
    rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/powersync-auth-dev"
    permissions = [p.inputs for p in full_plan.of("Permission").values()]
    assert {p["action"] for p in permissions} == {"lambda:InvokeFunction"}
    allowed = sorted(
        (
            p["function"].removeprefix("powersync-auth-dev-"),
            p["principal"].removesuffix(".amazonaws.com"),
            p["sourceArn"],
            p.get("sourceAccount"),
        )
        for p in permissions
    )
    assert allowed == [
        ("auth", "apigateway", f"{api}/GET/token", None),
        ("auth", "apigateway", f"{api}/POST/token", None),
        ("auth-anonymous", "apigateway", f"{api}/GET/token/anonymous", None),
        ("auth-anonymous", "apigateway", f"{api}/POST/token/anonymous", None),
        *(
            ("jwks", "apigateway", f"{api}/{method_and_path}", None)
            for method_and_path in (
                "ANY/",
                "DELETE/{proxy+}",
                "GET/.well-known/jwks.json",
                "GET/{proxy+}",
                "HEAD/.well-known/jwks.json",
                "HEAD/{proxy+}",
                "PATCH/{proxy+}",
                "POST/{proxy+}",
                "PUT/{proxy+}",
            )
        ),
        ("rotate", "events", f"{rule}-retire", None),
        ("rotate", "events", f"{rule}-watch", None),
        ("rotate", "secretsmanager", secret, ACCOUNT),
    ]


def test_alarms_alone_publish_to_their_topic() -> None:
    plan = record(alarmEmail="on-call@example.com")
    (publish,) = json.loads(plan.one("TopicPolicy").inputs["policy"])["Statement"]
    assert publish["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert publish["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert publish["Resource"] == f"arn:aws:sns:{REGION}:{ACCOUNT}:powersync-auth-dev-alarms"
    assert publish["Action"] == "sns:Publish"
