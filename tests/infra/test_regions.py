"""Each of AWS's partitions: endpoints and services, compared with what botocore knows of them."""

import json
from typing import Any

import boto3
import botocore.loaders
import botocore.session
import pulumi
import pytest

from powersync_auth.regions import has_http_apis, has_user_pools
from tests.infra.plan import Plan, Recorder, record

SESSION = botocore.session.get_session()
SUFFIXES = {
    partition["id"]: partition["outputs"]["dnsSuffix"]
    for partition in botocore.loaders.create_loader().load_data("partitions")["partitions"]
}

FUNCTIONS = ("jwks", "auth", "auth-anonymous", "rotate")

REGIONS = {
    "aws": "eu-central-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-cn": "cn-north-1",
    "aws-eusc": "eusc-de-east-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-south-1",
}
"""A region of each partition."""

SERVED = [partition for partition, region in REGIONS.items() if has_http_apis(region)]


def in_partition(partition: str, **settings: Any) -> Plan:
    recorder = Recorder(
        region=REGIONS[partition],
        partition=partition,
        suffix=SUFFIXES[partition],
    )
    return record(recorder=recorder, **settings)


def endpoint(service: str, region: str) -> str:
    client = boto3.client(service, region, aws_access_key_id="x", aws_secret_access_key="x")
    return str(client.meta.endpoint_url).removeprefix("https://")


def test_every_partition_is_looked_at() -> None:
    assert set(SESSION.get_available_partitions()) == REGIONS.keys()
    for partition, region in REGIONS.items():
        assert SESSION.get_partition_for_region(region) == partition


@pytest.mark.parametrize("partition", SERVED)
def test_a_function_is_told_how_endpoints_end(partition: str) -> None:
    plan = in_partition(partition, anonymous={"enabled": True})
    for name in FUNCTIONS:
        suffix = plan.environment(name)["DNS_SUFFIX"]
        for service in ("secretsmanager", "ssm", "kms", "lambda"):
            wanted = f"{service}.{REGIONS[partition]}.{suffix}"
            assert endpoint(service, REGIONS[partition]) == wanted


@pytest.mark.parametrize("partition", SERVED)
def test_the_key_is_used_through_the_partitions_own_secrets_manager(partition: str) -> None:
    plan = in_partition(partition)
    here = endpoint("secretsmanager", REGIONS[partition])
    usual = f"secretsmanager.{REGIONS[partition]}.amazonaws.com"
    _, use = json.loads(plan.of("Key")["signing-keys"].inputs["policy"])["Statement"][:2]
    (decrypt,) = [s for s in plan.role_statements("auth") if "kms:Decrypt" in s["Action"]]
    for statement in (use, decrypt):
        via = statement["Condition"]["StringEquals"]["kms:ViaService"]
        assert via == (usual if here == usual else [usual, here])


@pytest.mark.parametrize("partition", SERVED)
def test_no_policy_names_another_partition(partition: str) -> None:
    for name, document in in_partition(partition).policies().items():
        arns = [word for word in json.dumps(document).split('"') if word.startswith("arn:")]
        assert {arn.split(":")[1] for arn in arns} <= {partition}, name


@pytest.mark.parametrize("partition", REGIONS)
def test_a_user_pool_is_refused_where_there_are_none(partition: str) -> None:
    region = REGIONS[partition]
    if not has_http_apis(region):
        with pytest.raises(pulumi.RunError, match=f"aws:region: .* {region} has no HTTP APIs"):
            in_partition(partition)
    elif not has_user_pools(region):
        with pytest.raises(
            pulumi.RunError, match=f"createUserPool: should be false: .* in {region}"
        ):
            in_partition(partition, createUserPool=True)
    else:
        plan = in_partition(partition, createUserPool=True)
        (pool,) = json.loads(plan.environment("auth")["IDENTITY_PROVIDERS"])
        assert pool["issuer"] == f"https://{endpoint('cognito-idp', region)}/id-of-users"


def test_what_a_region_has_is_what_botocore_knows_of_it() -> None:
    for partition in REGIONS:
        there = SESSION.get_available_regions("lambda", partition)
        pools = set(SESSION.get_available_regions("cognito-idp", partition))
        apis = set(SESSION.get_available_regions("apigatewayv2", partition))
        assert {r for r in there if has_user_pools(r)} == pools
        assert {r for r in there if has_http_apis(r)} == apis


def test_without_a_configured_region_the_environments_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_REGION", "cn-north-1")
    recorder = Recorder(region="")
    with pytest.raises(pulumi.RunError, match=r"createUserPool: should be false: .* in cn-nor"):
        record(recorder=recorder, createUserPool=True)
