"""The HTTP API: routes, throttling, access log, CORS, custom domain."""

import json
import re
from typing import Any

import pytest

from powersync_auth.bundle import LOCAL, TARGET_VARIABLE
from powersync_auth.routes import ANYTHING_ELSE
from tests.infra.conftest import EVERYTHING
from tests.infra.plan import Plan, record


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
        **dict.fromkeys(ANYTHING_ELSE, "jwks"),
        "GET /.well-known/jwks.json": "jwks",
        "HEAD /.well-known/jwks.json": "jwks",
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
        assert integration.inputs["integrationMethod"] == "POST"  # Lambda takes no other


def test_a_preflight_takes_nothing_from_the_jwks(full_plan: Plan) -> None:
    """API Gateway answers it by itself where no route takes it, and counts it for none."""
    keys = [r.inputs["routeKey"] for r in full_plan.of("Route").values()]
    taken = [k for k in keys if k == "$default" or k.partition(" ")[0] in ("OPTIONS", "ANY")]
    assert taken == ["ANY /"]  # where nothing is, and so no app asks
    assert full_plan.one("Api").inputs["corsConfiguration"]


@pytest.mark.parametrize("start", [{}, {"snapStart": True}, {"provisionedConcurrency": 1}])
def test_a_function_may_be_invoked_before_requests_are_sent_to_it(start: dict[str, Any]) -> None:
    """Also where it gets an alias or loses it: the integration changes after the permission."""
    plan = record(anonymous={"enabled": True}, **start)
    functions = {f.inputs["name"]: n for n, f in plan.of("Function").items()}
    for name, integration in plan.of("Integration").items():
        invoked = integration.inputs["integrationUri"]
        routes = [
            r
            for r in plan.of("Route").values()
            if r.inputs["target"] == f"integrations/id-of-{name}"
        ]
        assert routes
        before = plan.before(integration)
        for route in routes:
            permission = plan.of("Permission")[route.name]
            assert f"Permission {route.name}" in before
            target = permission.inputs["function"]
            if "qualifier" in permission.inputs:
                target += f":{permission.inputs['qualifier']}"
                assert f"Alias {functions[permission.inputs['function']]}" in before
            assert invoked.endswith(f":function:{target}/invocations")
            method_and_path = route.inputs["routeKey"].replace(" ", "")
            assert permission.inputs["sourceArn"].endswith(f"/*/{method_and_path}")


def test_every_route_is_throttled(full_plan: Plan) -> None:
    stage = full_plan.one("Stage")
    assert stage.inputs["name"] == "$default"
    assert stage.inputs["autoDeploy"] is True
    assert stage.inputs["defaultRouteSettings"] == {
        "throttlingRateLimit": 100,
        "throttlingBurstLimit": 200,
    }
    limits = {
        s["routeKey"]: (s["throttlingRateLimit"], s["throttlingBurstLimit"])
        for s in stage.inputs["routeSettings"]
    }
    assert limits == {
        **dict.fromkeys(ANYTHING_ELSE, (10, 20)),
        "GET /.well-known/jwks.json": (50, 100),
        "HEAD /.well-known/jwks.json": (50, 100),
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
    assert full_plan.one("Api").inputs["corsConfiguration"] == {
        "allowOrigins": ["https://app.example.com"],
        "allowMethods": ["GET", "POST"],
        "allowHeaders": ["authorization", "content-type", "x-anonymous-token"],
        "exposeHeaders": ["etag", "retry-after", "www-authenticate"],
        "maxAge": 3_600,
    }


def test_with_a_custom_domain_there_is_no_way_around_it(
    full_plan: Plan, default_plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something may stand in front of the domain, which API Gateway's own name would pass by."""
    assert full_plan.one("Api").inputs["disableExecuteApiEndpoint"] is True
    assert "disableExecuteApiEndpoint" not in default_plan.one("Api").inputs
    plan = record(customDomain={**EVERYTHING["customDomain"], "keepExecuteApi": True})
    assert "disableExecuteApiEndpoint" not in plan.one("Api").inputs
    first_look = json.loads(plan.of("Invocation")["bootstrap"].inputs["input"])
    assert first_look["jwks_uri"].startswith("https://api-id.execute-api.")
    assert "connect_to" not in first_look
    monkeypatch.setenv(TARGET_VARIABLE, LOCAL.name)
    local = record(customDomain=EVERYTHING["customDomain"])
    assert "disableExecuteApiEndpoint" not in local.one("Api").inputs


def test_a_custom_domain_is_the_issuer(full_plan: Plan) -> None:
    domain = full_plan.one("DomainName").inputs
    assert domain["domainName"] == "auth.example.com"
    assert domain["domainNameConfiguration"] == {
        "certificateArn": EVERYTHING["customDomain"]["certificateArn"],
        "endpointType": "REGIONAL",
        "securityPolicy": "TLS_1_2",
    }
    assert full_plan.one("ApiMapping").inputs == {
        "apiId": "id-of-api",
        "domainName": "auth.example.com",
        "stage": "$default",
    }
    assert full_plan.outputs["issuer"] == "https://auth.example.com"
    assert full_plan.outputs["jwks_uri"] == "https://auth.example.com/.well-known/jwks.json"
