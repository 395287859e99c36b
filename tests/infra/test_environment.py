"""The environment variables of the functions: what the program sets is what the code reads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.plan import REGION, Plan, record

LAMBDA_SRC = Path(__file__).resolve().parents[2] / "lambda_src"

IMPORT_HANDLER = """
import importlib, json, os, sys

class Recording(dict):
    read = set()
    def __getitem__(self, name):
        self.read.add(name)
        return super().__getitem__(name)
    def get(self, name, default=None):
        self.read.add(name)
        return super().get(name, default)

module, _, function = sys.argv[1].rpartition(".")
variables = json.load(sys.stdin)
os.environ = Recording(variables)
assert callable(getattr(importlib.import_module(module), function))
print(json.dumps(sorted(Recording.read & variables.keys())))
"""

PROVIDED_BY_LAMBDA = {
    "AWS_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "example",
    "AWS_SESSION_TOKEN": "example",
}


@pytest.mark.parametrize("name", ["jwks", "auth", "auth-anonymous", "rotate"])
def test_a_function_starts_with_its_variables_and_reads_them_all(
    full_plan: Plan, name: str
) -> None:
    environment = full_plan.environment(name)
    finished = subprocess.run(
        [sys.executable, "-c", IMPORT_HANDLER, full_plan.of("Function")[name].inputs["handler"]],
        input=json.dumps({**environment, **PROVIDED_BY_LAMBDA}),
        cwd=LAMBDA_SRC,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert set(environment) <= set(json.loads(finished.stdout))


def test_values_that_follow_from_the_settings(full_plan: Plan) -> None:
    assert json.loads(full_plan.environment("jwks")["ROUTES"]) == {
        "/.well-known/jwks.json": "GET, HEAD",
        "/token": "GET, POST",
        "/token/anonymous": "GET, POST",
    }
    auth = full_plan.environment("auth")
    assert auth["ISSUER"] == "https://auth.example.com"
    assert json.loads(auth["AUDIENCES"]) == ["https://instance.powersync.journeyapps.com"]
    assert auth["ANONYMOUS_REMEMBER_SECONDS"] == str(30 * 86_400)
    assert auth["ANONYMOUS_FORMER_TOKENS"] == "exchange"
    # A function that could not read the ring may have signed with the former key for an hour more.
    assert full_plan.environment("rotate")["ANONYMOUS_REMEMBER_SECONDS"] == str(30 * 86_400 + 3_600)
    assert full_plan.environment("rotate")["PUBLISH_BEFORE_SIGNING_SECONDS"] == "3780"
    assert full_plan.environment("rotate")["SIGNING_ALGORITHM"] == "EdDSA"


def test_the_created_user_pool_is_an_identity_provider(full_plan: Plan) -> None:
    configured, pool = json.loads(full_plan.environment("auth")["IDENTITY_PROVIDERS"])
    assert configured["issuer"] == "https://login.example.com/"
    issuer = f"https://cognito-idp.{REGION}.amazonaws.com/id-of-users"
    assert pool == {
        "name": "user-pool",
        "issuer": issuer,
        "clientIds": ["id-of-app"],
        "jwksUri": f"{issuer}/.well-known/jwks.json",
    }


def test_providers_are_kept_secret_where_the_setting_is() -> None:
    setting = [{"issuer": "https://x.example.com", "audiences": ["a"]}]
    marked = record(identityProviders=setting, secret_keys=("identityProviders",))
    assert "environment" in marked.of("Function")["auth"].secret_inputs
    plain = record(identityProviders=setting)
    assert "environment" not in plain.of("Function")["auth"].secret_inputs
