"""What is asked for: encryption, limits, order, names; read from the plan."""

import json
import re

import pytest

from settings import LOG_RETENTION_DAYS
from tests.infra.conftest import EVERYTHING
from tests.infra.plan import PROJECT, REGION, Plan, record

FUNCTIONS = ["jwks", "auth", "auth-anonymous", "rotate"]

UNTAGGED = {
    *("Alias", "ApiMapping", "EventTarget", "Integration", "Invocation", "Permission"),
    *("RolePolicy", "Route", "SecretPolicy", "SecretRotation", "TopicPolicy"),
    *("TopicSubscription", "UserPoolClient"),
}
"""Types that take no tags in AWS."""


def test_the_secret_is_encrypted_with_the_customer_key(plan: Plan) -> None:
    key = plan.of("Key")["signing-keys"]
    assert key.inputs["enableKeyRotation"] is True
    assert key.inputs["rotationPeriodInDays"] == 365
    assert 7 <= key.inputs["deletionWindowInDays"] <= 30
    assert plan.one("Secret").inputs["kmsKeyId"].endswith(":key/signing-keys")
    assert (
        plan.of("Alias")["signing-keys"].inputs["name"] == "alias/powersync-auth-dev-signing-keys"
    )


def test_key_secret_and_users_are_protected_unless_told_otherwise(full_plan: Plan) -> None:
    protected = {f"{r.type.rsplit(':', 1)[1]} {r.name}" for r in full_plan.resources if r.protect}
    assert protected == {"Key signing-keys", "Secret key-ring", "UserPool users"}
    assert full_plan.one("UserPool").inputs["deletionProtection"] == "ACTIVE"
    loose = record(protect=False, createUserPool=True)
    assert not [r for r in loose.resources if r.protect]
    assert loose.one("UserPool").inputs["deletionProtection"] == "INACTIVE"


def test_nothing_private_is_in_the_plan(plan: Plan) -> None:
    assert not plan.of("SecretVersion")
    assert plan.one("Parameter").inputs["insecureValue"] == '{"keys": []}'
    everything = repr(plan.resources) + repr(plan.outputs)
    assert not re.search(r"PRIVATE KEY|\"[dpqk]\":|'[dpqk]':", everything)


def test_the_published_jwks_belongs_to_the_rotate_function(plan: Plan) -> None:
    parameter = plan.one("Parameter")
    assert parameter.inputs["type"] == "String"
    assert parameter.inputs["tier"] == "Intelligent-Tiering"
    assert "insecureValue" in parameter.ignore_changes
    # Any input that may change would write the remembered value over the published one.
    assert set(parameter.inputs) == {"type", "tier", "insecureValue", "name", "tags"}


def test_no_input_of_the_secret_changes_by_itself(plan: Plan) -> None:
    """A change of its description would be refused: the secret's policy denies UpdateSecret."""
    inputs = plan.one("Secret").inputs
    assert set(inputs) == {"namePrefix", "kmsKeyId", "recoveryWindowInDays", "tags"}


def test_the_functions_that_there_are(default_plan: Plan, full_plan: Plan) -> None:
    assert set(full_plan.of("Function")) == set(FUNCTIONS)
    assert set(default_plan.of("Function")) == {"jwks", "auth", "rotate"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_its_limits_and_its_log(full_plan: Plan, name: str) -> None:
    function = full_plan.of("Function")[name].inputs
    assert function["handler"] == f"token_service.handlers.{name.replace('-', '_')}.handler"
    assert 128 <= function["memorySize"] <= 1_024
    # API Gateway waits 30 s; PowerSync waits 3 s for the JWKS, but the function has to end too.
    assert function["timeout"] <= (180 if name == "rotate" else 15)
    group = full_plan.of("LogGroup")[name].inputs
    assert function["loggingConfig"]["logGroup"] == group["name"]
    assert group["name"] == f"/aws/lambda/{function['name']}"


def test_logs_are_kept_for_as_long_as_told(plan: Plan) -> None:
    groups = plan.of("LogGroup")
    assert set(groups) >= {"jwks", "auth", "rotate", "access-log"}
    assert {g.inputs["retentionInDays"] for g in groups.values()} == {30}
    kept = record(logRetentionDays=365).of("LogGroup").values()
    assert {g.inputs["retentionInDays"] for g in kept} == {365}
    assert 365 in LOG_RETENTION_DAYS


def test_only_changes_of_the_keys_are_logged_where_nothing_is_wrong(full_plan: Plan) -> None:
    functions = full_plan.of("Function").items()
    levels = {n: f.inputs["loggingConfig"]["applicationLogLevel"] for n, f in functions}
    assert levels == {"jwks": "WARN", "auth": "WARN", "auth-anonymous": "WARN", "rotate": "INFO"}
    # Lambda takes a level with this format only.
    assert {f.inputs["loggingConfig"]["logFormat"] for _, f in functions} == {"JSON"}


def test_memory_is_of_the_token_functions() -> None:
    functions = record(memoryMb=768, anonymous={"enabled": True}).of("Function")
    memory = {name: function.inputs["memorySize"] for name, function in functions.items()}
    assert memory == {"jwks": 256, "auth": 768, "auth-anonymous": 768, "rotate": 512}


def test_snap_start_is_never_for_the_function_that_makes_keys() -> None:
    plan = record(snapStart=True, anonymous={"enabled": True})
    started = {n for n, f in plan.of("Function").items() if "snapStart" in f.inputs}
    assert started == {"auth", "auth-anonymous"}
    for name in started:
        assert plan.of("Function")[name].inputs["publish"] is True
        assert plan.of("Function")[name].inputs["snapStart"] == {"applyOn": "PublishedVersions"}
        assert plan.of("Integration")[name].inputs["integrationUri"].endswith(":live/invocations")
        assert plan.of("Permission")[f"{name}-get"].inputs["qualifier"] == "live"
    assert "qualifier" not in plan.of("Permission")["jwks-get"].inputs


def test_provisioned_concurrency_keeps_token_functions_warm() -> None:
    plan = record(provisionedConcurrency=2)
    (kept,) = plan.of("ProvisionedConcurrencyConfig").values()
    assert kept.inputs["functionName"] == "powersync-auth-dev-auth"
    assert kept.inputs["qualifier"] == "live"
    assert kept.inputs["provisionedConcurrentExecutions"] == 2
    assert not record().of("ProvisionedConcurrencyConfig")


def test_the_routes_lead_to_their_functions(full_plan: Plan, default_plan: Plan) -> None:
    def reached(plan: Plan) -> dict[str, str]:
        uris = {
            f"integrations/id-of-{i.name}": i.inputs["integrationUri"]
            for i in plan.of("Integration").values()
        }
        return {
            r.inputs["routeKey"]: uris[r.inputs["target"]]
            .removesuffix("/invocations")
            .rpartition("powersync-auth-dev-")[2]
            for r in plan.of("Route").values()
        }

    always = {
        "$default": "jwks",
        "GET /.well-known/jwks.json": "jwks",
        "GET /token": "auth",
        "POST /token": "auth",
    }
    assert reached(default_plan) == always
    assert reached(full_plan) == {
        **always,
        "GET /token/anonymous": "auth-anonymous",
        "POST /token/anonymous": "auth-anonymous",
    }
    for integration in full_plan.of("Integration").values():
        assert integration.inputs["integrationType"] == "AWS_PROXY"
        assert integration.inputs["payloadFormatVersion"] == "2.0"


def test_without_anonymous_tokens_nothing_of_them_exists(default_plan: Plan) -> None:
    assert "anonymous" not in " ".join(r.name for r in default_plan.resources)
    assert "anonymous_token_url" not in default_plan.outputs
    assert default_plan.environment("auth")["ANONYMOUS_REMEMBER_SECONDS"] == "0"


def test_every_route_is_throttled(full_plan: Plan) -> None:
    stage = full_plan.one("Stage")
    assert stage.inputs["name"] == "$default"
    assert stage.inputs["autoDeploy"] is True
    assert stage.inputs["defaultRouteSettings"] == {
        "throttlingRateLimit": 50,
        "throttlingBurstLimit": 100,
    }
    limits = {
        s["routeKey"]: (s["throttlingRateLimit"], s["throttlingBurstLimit"])
        for s in stage.inputs["routeSettings"]
    }
    assert limits == {
        "GET /.well-known/jwks.json": (50, 100),
        "GET /token": (100, 200),
        "POST /token": (100, 200),
        "GET /token/anonymous": (20, 40),
        "POST /token/anonymous": (20, 40),
    }
    # API Gateway refuses the settings of a route that is not there.
    assert {f"Route {name}" for name in full_plan.of("Route")} <= full_plan.before(stage)


def test_throttling_follows_the_settings() -> None:
    plan = record(throttling={"token": {"rate": 0.5, "burst": 3}})
    limits = {s["routeKey"]: s for s in plan.one("Stage").inputs["routeSettings"]}
    assert limits["POST /token"]["throttlingRateLimit"] == 0.5
    assert limits["POST /token"]["throttlingBurstLimit"] == 3
    assert limits["GET /.well-known/jwks.json"]["throttlingRateLimit"] == 50


def test_the_access_log_has_no_header_and_no_query(plan: Plan) -> None:
    settings = plan.one("Stage").inputs["accessLogSettings"]
    assert settings["destinationArn"].endswith(plan.of("LogGroup")["access-log"].inputs["name"])
    fields = json.loads(settings["format"])
    assert "$context.status" in fields.values()
    for value in fields.values():
        assert re.fullmatch(r"\$context\.[A-Za-z.]+", value)
        assert "authorizer" not in value


def test_the_access_log_tells_what_an_operator_asks_and_nothing_twice(plan: Plan) -> None:
    """Its bytes are a tenth of what a token costs, once the account's free ones are used up."""
    form = plan.one("Stage").inputs["accessLogSettings"]["format"]
    assert set(json.loads(form)) == {
        *("requestId", "requestTime", "sourceIp", "method", "path"),
        *("status", "responseLatency", "integrationError", "error"),
    }
    assert " " not in form


def test_cors_is_for_the_named_origins_only(full_plan: Plan, default_plan: Plan) -> None:
    assert "corsConfiguration" not in default_plan.one("Api").inputs
    cors = full_plan.one("Api").inputs["corsConfiguration"]
    assert cors["allowOrigins"] == ["https://app.example.com"]
    assert {"authorization", "x-anonymous-token"} <= set(cors["allowHeaders"])
    assert "allowCredentials" not in cors


def test_a_custom_domain_is_the_issuer(full_plan: Plan) -> None:
    domain = full_plan.one("DomainName").inputs
    assert domain["domainName"] == "auth.example.com"
    assert domain["domainNameConfiguration"]["securityPolicy"] == "TLS_1_2"
    mapping = full_plan.one("ApiMapping").inputs
    assert mapping["stage"] == "$default"
    assert full_plan.outputs["issuer"] == "https://auth.example.com"
    assert full_plan.outputs["jwks_uri"] == "https://auth.example.com/.well-known/jwks.json"


def test_the_user_pool_lets_nobody_sign_up(full_plan: Plan, default_plan: Plan) -> None:
    assert not default_plan.of("UserPool")
    pool = full_plan.one("UserPool").inputs
    assert pool["adminCreateUserConfig"] == {"allowAdminCreateUserOnly": True}
    assert pool["passwordPolicy"]["minimumLength"] >= 12
    client = full_plan.one("UserPoolClient").inputs
    assert client["generateSecret"] is False
    assert client["preventUserExistenceErrors"] == "ENABLED"
    assert client["enableTokenRevocation"] is True
    assert set(client["explicitAuthFlows"]) == {
        "ALLOW_USER_SRP_AUTH",
        "ALLOW_USER_PASSWORD_AUTH",
        "ALLOW_REFRESH_TOKEN_AUTH",
    }


def test_pulumi_up_ends_when_the_jwks_is_served(full_plan: Plan) -> None:
    bootstrap = full_plan.one("Invocation")
    assert json.loads(bootstrap.inputs["input"]) == {
        "action": "bootstrap",
        "jwks_uri": f"https://api-id.execute-api.{REGION}.amazonaws.com/.well-known/jwks.json",
    }
    assert bootstrap.inputs["functionName"] == "powersync-auth-dev-rotate"
    before = full_plan.before(bootstrap)
    assert {f"Route {name}" for name in full_plan.of("Route")} <= before
    assert {f"RolePolicy {name}" for name in FUNCTIONS} <= before
    assert {"Stage stage", "SecretPolicy key-ring", "Parameter jwks"} <= before
    assert "Permission jwks-get" in before


def test_rotation_starts_after_permission_and_first_ring(plan: Plan) -> None:
    schedule = plan.one("SecretRotation")
    assert schedule.inputs["rotateImmediately"] is False
    assert schedule.inputs["rotationRules"] == {"automaticallyAfterDays": 30, "duration": "1h"}
    assert {"Permission secrets-manager", "Invocation bootstrap"} <= plan.before(schedule)


def test_previous_keys_are_retired_daily(plan: Plan) -> None:
    assert plan.one("EventRule").inputs["scheduleExpression"] == "rate(1 day)"
    target = plan.one("EventTarget")
    assert json.loads(target.inputs["input"]) == {"action": "retire"}
    assert "Permission retire" in plan.before(target)


def test_alarms_and_who_hears_them(full_plan: Plan, default_plan: Plan) -> None:
    assert set(full_plan.of("MetricAlarm")) == {
        "rotation-failed",
        "rotation-silent",
        "jwks-failed",
        "api-failed",
    }
    topic = full_plan.one("Topic").inputs
    subscription = full_plan.one("TopicSubscription").inputs
    assert (subscription["protocol"], subscription["endpoint"]) == ("email", "on-call@example.com")
    for alarm in full_plan.of("MetricAlarm").values():
        (action,) = alarm.inputs["alarmActions"]
        assert action.endswith(topic["name"])
    assert not default_plan.of("Topic")
    # Another customer key would cost more than all the rest.
    assert set(full_plan.of("Key")) == {"signing-keys"}
    for alarm in default_plan.of("MetricAlarm").values():
        assert alarm.inputs["alarmActions"] == []


def test_a_jwks_that_answers_503_now_and_then_is_noticed(plan: Plan) -> None:
    alarm = plan.of("MetricAlarm")["jwks-failed"].inputs
    # The function's own errors would not have it: a 503 is an answer.
    assert (alarm["namespace"], alarm["metricName"]) == ("AWS/ApiGateway", "5xx")
    assert (alarm["threshold"], alarm["evaluationPeriods"]) == (1, 3)
    assert alarm["period"] * alarm["evaluationPeriods"] < 3_600


def test_everything_is_tagged(plan: Plan) -> None:
    tags = {"project": PROJECT, "stack": "dev", "managed-by": "pulumi"}
    untagged = {r.type.rsplit(":", 1)[1] for r in plan.resources if r.custom} - {
        r.type.rsplit(":", 1)[1] for r in plan.resources if r.inputs.get("tags") == tags
    }
    assert untagged <= UNTAGGED


NAME_RULES = {
    "Function": r"[a-zA-Z0-9-_]{1,64}",
    "Role": r"[\w+=,.@-]{1,64}",
    "EventRule": r"[.\-_A-Za-z0-9]{1,64}",
    "LogGroup": r"[.\-_/#A-Za-z0-9]{1,512}",
    "Parameter": r"/[a-zA-Z0-9_.\-]{1,1000}",
    "MetricAlarm": r"[\x20-\x7e]{1,255}",
    "Api": r".{1,128}",
    "Topic": r"[a-zA-Z0-9_-]{1,256}",
    "UserPool": r"[\w\s+=,.@-]{1,128}",
    "UserPoolClient": r"[\w\s+=,.@-]{1,128}",
    "RolePolicy": r"[\w+=,.@-]{1,128}",
}


@pytest.mark.parametrize("stack", ["dev", "production.eu", "x" * 100, "a.b_c-" * 16, "_", "."])
def test_names_are_within_the_rules_of_aws(stack: str) -> None:
    plan = record(stack=stack, **EVERYTHING)
    for kind, rule in NAME_RULES.items():
        for resource in plan.of(kind).values():
            assert re.fullmatch(rule, resource.inputs["name"]), resource.inputs["name"]
    aliases = [r for r in plan.resources if r.type == "aws:kms/alias:Alias"]
    for alias in aliases:
        assert re.fullmatch(r"alias/[a-zA-Z0-9/_-]{1,250}", alias.inputs["name"])
    # The provider appends 26 characters to a prefix.
    assert re.fullmatch(r"[\w/+=.@-]{1,486}", plan.one("Secret").inputs["namePrefix"])


def test_stacks_with_long_names_do_not_share_names() -> None:
    one, other = (record(stack="x" * 80 + end) for end in ("1", "2"))
    for kind in ("Function", "Role", "LogGroup", "Parameter", "EventRule"):
        names = {r.inputs["name"] for plan in (one, other) for r in plan.of(kind).values()}
        assert len(names) == 2 * len(one.of(kind))
