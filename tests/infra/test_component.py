"""The component in programs of others: inputs that are outputs, several of them, what is given."""

import json
import re
from pathlib import Path
from typing import Any

import pulumi
import pytest

from powersync_auth.inputs import LATE as LATE_INPUTS
from tests.docs.snippets import ROOT, fenced
from tests.infra.conftest import EVERYTHING
from tests.infra.plan import ACCOUNT, REGION, Plan, Recorder, record, record_program

POWERSYNC = "https://instance.powersync.journeyapps.com"

HEADER = """
import pulumi
import pulumi_aws as aws
from powersync_auth.component import PowerSyncAuth
"""


def program(folder: Path, text: str, project: str = "acme", **options: Any) -> Plan:
    (folder / "__main__.py").write_text(HEADER + text)
    return record_program(folder, project, **options)


LATE = f"""
from powersync_auth.inputs import LATE as LATE_INPUTS
from tests.docs.snippets import ROOT, fenced
from tests.infra.conftest import EVERYTHING
later = pulumi.Output.from_input("x")
def late(value):
    return later.apply(lambda _: value)
domain = EVERYTHING["customDomain"]
auth = PowerSyncAuth("powersync-auth", {{
    "powersync_url": late("{POWERSYNC}"),
    "audiences": [late("{POWERSYNC}")],
    "anonymous": {{"enabled": True}},
    "create_user_pool": True,
    "cors_origins": late(EVERYTHING["corsOrigins"]),
    "alarm_email": late(EVERYTHING["alarmEmail"]),
    "alarm_topic_arn": late(""),
    "customer_key_arn": None,
    "custom_domain": {{"name": domain["name"], "certificate_arn": late(domain["certificateArn"])}},
    "identity_providers": [late(EVERYTHING["identityProviders"][0])],
    "break_glass_principals": late(EVERYTHING["breakGlassPrincipals"]),
    "permissions_boundary": late(""),
    "legacy_keys": late([]),
    "signing_algorithm": "EdDSA",
}})
for output, value in auth.outputs.items():
    pulumi.export(output, value)
"""


def _comparable(plan: Plan) -> dict[str, Any]:
    return {
        resource.urn: {k: v for k, v in resource.inputs.items() if k != "code"}
        for resource in plan.resources
    }


def test_what_is_known_later_gives_what_is_known_at_once(tmp_path: Path) -> None:
    """A part that looked at a stand-in would show here."""
    late = program(tmp_path, LATE.replace('"alarm_topic_arn": late(""),', ""), "powersync-auth")
    at_once = record(audiences=[POWERSYNC], **EVERYTHING)
    assert _comparable(late) == _comparable(at_once)
    assert late.outputs == at_once.outputs


def test_a_secret_stays_one_where_it_is_used_and_nowhere_else(tmp_path: Path) -> None:
    plan = program(
        tmp_path,
        f"""
PowerSyncAuth("auth", {{
    "powersync_url": "{POWERSYNC}",
    "identity_providers": pulumi.Output.secret(
        [{{"issuer": "https://login.acme.dev", "audiences": ["app"]}}]
    ),
    "anonymous": {{"enabled": True}},
}})
""",
    )
    secret = {name for name, f in plan.of("Function").items() if "environment" in f.secret_inputs}
    assert secret == {"auth-auth"}


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ('"create_user_pool": pulumi.Output.from_input(True)', "createUserPool: should be known"),
        (
            '"custom_domain": {"name": "a.acme.dev", "keep_execute_api": later(True)}',
            "customDomain.keepExecuteApi: should be known",
        ),
        ('"custom_domain": later({})', "customDomain: should be known"),
        (
            '"http_api": {"id": "a1b2c3d4e5", "path_prefix": later("/x")}, "rotation_days": 0',
            "2 mistakes",
        ),
        ('"powersync_url": "x/", "rotation_days": 0', "2 mistakes"),
        ('"powersync_url": "x/", "rotation_days": 0', "rotationDays: should be greater"),
        ('"powersyncurl": "x"', "powersyncurl: no such key; did you mean powersyncUrl?"),
        ('"anonymous": {"enabeld": True}', "anonymous.enabeld: no such key; did you mean enabled?"),
        ('"powersync_url": pulumi.Output.from_input("x/")', "powersyncUrl: should be the URL"),
    ],
)
def test_what_is_wrong_with_inputs_is_said_as_of_the_configuration(
    tmp_path: Path, inputs: str, said: str
) -> None:
    text = f'later = pulumi.Output.from_input\nPowerSyncAuth("auth", {{{inputs}}})'
    with pytest.raises(Exception, match=re.escape(said)) as raised:
        program(tmp_path, text)
    assert isinstance(raised.value, pulumi.RunError)


TWO = f"""
args = {{"powersync_url": "{POWERSYNC}", "create_user_pool": True, "snap_start": True}}
PowerSyncAuth("mobile", args)
PowerSyncAuth("web", args)
"""


def test_two_of_them_do_not_collide(tmp_path: Path) -> None:
    """Neither in Pulumi, where the monitor refuses a name twice, nor in AWS."""
    plan = program(tmp_path, TWO)
    named = [
        (resource.type, resource.inputs[key])
        for resource in plan.resources
        for key in ("name", "namePrefix")
        if resource.custom and key in resource.inputs
    ]
    own = [
        each for each in named if each[1] not in ("own-log-and-what-it-needs", "$default", "live")
    ]
    assert len(set(own)) == len(own)
    assert {name.startswith(("acme-dev-", "/", "alias/acme-dev-")) for _, name in own} == {True}
    metrics = {a.inputs["metricName"] for a in plan.of("MetricAlarm").values()}
    assert {"acme-dev-mobile-throttled", "acme-dev-web-throttled"} <= metrics
    assert all(r.inputs["tags"]["project"] == "acme" for r in plan.of("Function").values())


REGIONS = f"""
for region in ("eu-central-1", "us-east-1"):
    PowerSyncAuth(
        region,
        {{"powersync_url": "{POWERSYNC}"}},
        pulumi.ResourceOptions(providers=[aws.Provider(region, region=region)], protect=True),
    )
"""


def test_one_for_each_region_has_all_its_resources_there(tmp_path: Path) -> None:
    plan = program(tmp_path, REGIONS)
    for region in ("eu-central-1", "us-east-1"):
        own = [r for r in plan.resources if r.type.startswith("aws:") and region in r.name]
        assert len(own) > 40
        assert {resource.provider.rpartition("::")[2] for resource in own} == {region}
        (key, *_) = [resource for resource in own if resource.type == "aws:kms/key:Key"]
        assert f"secretsmanager.{region}.amazonaws.com" in key.inputs["policy"]
        elsewhere = "us-east-1" if region == "eu-central-1" else "eu-central-1"
        assert not [r.urn for r in own if f":{elsewhere}:" in str(r.inputs)]
    assert len({role.inputs["name"] for role in plan.of("Role").values()}) == 6


def test_what_is_there_already_is_taken_instead_of_made() -> None:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234"
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:on-call"
    plan = record(customerKeyArn=key, alarmTopicArn=topic)
    assert plan.of("Key") == plan.of("Topic") == {}
    assert not [r for r in plan.resources if r.type == "aws:kms/alias:Alias"]
    assert plan.one("Secret").inputs["kmsKeyId"] == key
    assert plan.environment("jwks")["SEAL_KEY_ARN"] == key
    for alarm in plan.of("MetricAlarm").values():
        assert alarm.inputs["alarmActions"] == alarm.inputs["okActions"] == [topic]
    used = [s for s in plan.role_statements("rotate") if "kms:Decrypt" in s["Action"]]
    assert {statement["Resource"] for statement in used} == {key}


def test_a_topic_of_ones_own_hears_beside_the_mail() -> None:
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:on-call"
    plan = record(alarmTopicArn=topic, alarmEmail="on-call@example.com")
    (alarm, *_) = plan.of("MetricAlarm").values()
    assert len(alarm.inputs["alarmActions"]) == 2
    assert topic in alarm.inputs["alarmActions"]


BELOW = f"""
above = pulumi.ComponentResource(
    "acme:index:Above", "above", None,
    pulumi.ResourceOptions(providers=[aws.Provider("us", region="us-east-1")]),
)
PowerSyncAuth("auth", {{
    "powersync_url": "{POWERSYNC}",
    "alarm_topic_arn": "arn:aws:sns:us-east-1:{ACCOUNT}:on-call",
}}, pulumi.ResourceOptions(parent=above))
"""


def test_the_provider_of_what_it_belongs_to_says_where_it_is(tmp_path: Path) -> None:
    """And not the region in the stack's configuration, which is another one."""
    plan = program(tmp_path, BELOW)
    assert {f.provider.rpartition("::")[2] for f in plan.of("Function").values()} == {"us"}


PROTECTED = f"""
PowerSyncAuth("auth", {{"powersync_url": "{POWERSYNC}"}}, pulumi.ResourceOptions(protect=True))
"""


def test_protect_reaches_what_is_in_it(tmp_path: Path) -> None:
    plan = program(tmp_path, PROTECTED)
    assert all(resource.protect for resource in plan.of("Function").values())


TRANSFORMED = f"""
def named(args):
    if args.type_ == "aws:lambda/function:Function":
        args.props["tags"] = {{**(args.props.get("tags") or {{}}), "team": "mobile"}}
    return pulumi.ResourceTransformationResult(args.props, args.opts)
PowerSyncAuth(
    "auth",
    {{"powersync_url": "{POWERSYNC}"}},
    pulumi.ResourceOptions(transformations=[named]),
)
"""


def test_a_transformation_of_the_program_comes_beside_ours(tmp_path: Path) -> None:
    plan = program(tmp_path, TRANSFORMED)
    for function in plan.of("Function").values():
        assert function.inputs["tags"].items() >= {"project": "acme", "team": "mobile"}.items()


def test_a_long_name_of_a_project_is_within_the_rules(tmp_path: Path) -> None:
    plan = program(tmp_path, PROTECTED, "a.project." * 9, recorder=Recorder())
    for kind in ("Function", "Role", "EventRule"):
        for resource in plan.of(kind).values():
            assert re.fullmatch(r"[\w-]{1,64}", resource.inputs["name"]), resource.inputs["name"]


SHARED = {"id": "a1b2c3d4e5", "pathPrefix": "/auth"}


def test_it_can_be_a_part_of_an_api_that_is_there() -> None:
    plan = record(httpApi=SHARED, anonymous={"enabled": True})
    assert plan.of("Api") == plan.of("Stage") == plan.of("LogMetricFilter") == {}
    assert sorted(route.inputs["routeKey"] for route in plan.of("Route").values()) == [
        "GET /auth/.well-known/jwks.json",
        "GET /auth/token",
        "GET /auth/token/anonymous",
        "HEAD /auth/.well-known/jwks.json",
        "POST /auth/token",
        "POST /auth/token/anonymous",
    ]
    for made in (*plan.of("Route").values(), *plan.of("Integration").values()):
        assert made.inputs["apiId"] == SHARED["id"]
    permitted = {p.inputs["sourceArn"] for p in plan.of("Permission").values()}
    assert f"arn:aws:execute-api:{REGION}:{ACCOUNT}:api-id/*/GET/auth/token" in permitted
    endpoint = f"https://api-id.execute-api.{REGION}.amazonaws.com/auth"
    assert plan.outputs["jwks_uri"] == f"{endpoint}/.well-known/jwks.json"
    for function in ("jwks", "auth", "auth-anonymous"):
        assert plan.environment(function)["PATH_PREFIX"] == "/auth"
    assert plan.environment("auth")["ISSUER"] == endpoint
    reached = json.loads(plan.environment("rotate")["JWKS_REACHED"])
    assert reached == {"jwks_uri": f"{endpoint}/.well-known/jwks.json"}
    assert {a.inputs["dimensions"]["ApiId"] for a in _alarms_of_the_api(plan)} == {SHARED["id"]}


def _alarms_of_the_api(plan: Plan) -> list[Any]:
    alarms = plan.of("MetricAlarm").values()
    return [alarm for alarm in alarms if alarm.inputs["namespace"] == "AWS/ApiGateway"]


def test_an_api_that_is_there_may_have_a_name_of_its_own() -> None:
    outputs = record(httpApi={**SHARED, "url": "https://api.acme.dev"}).outputs
    assert outputs["issuer"] == "https://api.acme.dev/auth"
    assert outputs["token_url"] == "https://api.acme.dev/auth/token"


SHARED_LATE = f"""
api = aws.apigatewayv2.Api("theirs", protocol_type="HTTP")
auth = PowerSyncAuth("auth", {{
    "powersync_url": "{POWERSYNC}",
    "http_api": {{"id": api.id.apply(lambda _: "a1b2c3d4e5"), "path_prefix": "/auth"}},
}})
pulumi.export("token_url", auth.token_url)
"""


def test_the_api_may_be_made_by_the_same_program(tmp_path: Path) -> None:
    plan = program(tmp_path, SHARED_LATE)
    assert {route.inputs["apiId"] for route in plan.of("Route").values()} == {"a1b2c3d4e5"}
    assert str(plan.outputs["token_url"]).endswith("/auth/token")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"httpApi": {**SHARED, "id": "x"}}, "httpApi.id: should be the id of an HTTP API"),
        ({"httpApi": {**SHARED, "pathPrefix": "auth/"}}, "httpApi.pathPrefix: should be a path"),
        (
            {"httpApi": {**SHARED, "url": "https://x.dev/"}},
            "httpApi.url: should be an https:// URL",
        ),
        (
            {"httpApi": SHARED, "customDomain": EVERYTHING["customDomain"]},
            "httpApi: should not be given beside customDomain",
        ),
    ],
)
def test_an_api_that_cannot_be_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(pulumi.RunError, match=re.escape(said)):
        record(**changes)


@pytest.mark.parametrize(("number", "components"), [(0, 1), (1, 2)])
def test_the_programs_in_its_document_are_planned(
    tmp_path: Path, number: int, components: int
) -> None:
    (tmp_path / "__main__.py").write_text(fenced("docs/component.md", "python")[number])
    plan = record_program(tmp_path, "acme")
    assert len([r for r in plan.resources if r.type.endswith(":PowerSyncAuth")]) == components


def test_the_document_names_what_may_be_an_output() -> None:
    text = (ROOT / "docs/component.md").read_text("utf-8")
    paragraph = text.split("may be an output of another resource:")[1].split("Such a value")[0]
    assert set(re.findall(r"`(\w+)`", paragraph)) == LATE_INPUTS.keys()
