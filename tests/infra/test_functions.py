"""The Lambda functions: limits, logs, memory, how they start."""

from typing import Any

import pulumi
import pytest

from powersync_auth.lambda_function import TwoStepsError, refuse_two_starts_at_once
from powersync_auth.settings import LOG_RETENTION_DAYS
from tests.infra.plan import Plan, record

FUNCTIONS = ["jwks", "auth", "auth-anonymous", "rotate"]


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
    assert {f.inputs["loggingConfig"]["systemLogLevel"] for _, f in functions} == {"WARN"}


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
        assert plan.of("Alias")[name].inputs["functionVersion"] == "1"  # the published one
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


def test_executions_are_kept_for_the_jwks_function_only_where_told() -> None:
    """A new account has so few that AWS refuses to keep any."""
    kept = record(reservedConcurrency=5, anonymous={"enabled": True}).of("Function").items()
    reserved = {n: f.inputs.get("reservedConcurrentExecutions") for n, f in kept}
    assert reserved == {"jwks": 5, "auth": None, "auth-anonymous": None, "rotate": None}
    for function in record().of("Function").values():
        assert "reservedConcurrentExecutions" not in function.inputs


def change(old: dict[str, Any], new: dict[str, Any]) -> pulumi.ResourceHookArgs:
    return pulumi.ResourceHookArgs(
        urn="u", id="i", name="auth", type="t", old_inputs=old, new_inputs=new
    )


def test_from_provisioned_concurrency_to_snap_start_takes_two_deployments() -> None:
    """Lambda would refuse it half way: it is said before anything changes, in a preview too."""
    plain, provisioned, snap = (
        record(**settings).of("Function")["auth"]
        for settings in ({}, {"provisionedConcurrency": 1}, {"snapStart": True})
    )
    assert snap.hooks == ("auth-starts-one-way",)
    with pytest.raises(TwoStepsError, match=r"^auth has .* provisionedConcurrency 0 and snapStart"):
        refuse_two_starts_at_once(change(dict(provisioned.inputs), dict(snap.inputs)))
    for before in (plain, snap):
        refuse_two_starts_at_once(change(dict(before.inputs), dict(snap.inputs)))
    # The other way round the function is updated before it gets provisioned concurrency.
    assert not provisioned.hooks
    assert not plain.hooks


def test_without_anonymous_tokens_nothing_of_them_exists(default_plan: Plan) -> None:
    assert "anonymous" not in " ".join(r.name for r in default_plan.resources)
    assert "anonymous_token_url" not in default_plan.outputs
    assert default_plan.environment("auth")["ANONYMOUS_REMEMBER_SECONDS"] == "0"
