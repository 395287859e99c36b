"""Plans that several tests look at; the Lambda zip is not theirs to build."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from powersync_auth import functions
from tests.infra.plan import REGION, Plan, record

EVERYTHING: dict[str, Any] = {
    "anonymous": {"enabled": True},
    "createUserPool": True,
    "corsOrigins": ["https://app.example.com"],
    "alarmEmail": "on-call@example.com",
    "customDomain": {
        "name": "auth.example.com",
        "certificateArn": f"arn:aws:acm:{REGION}:123456789012:certificate/1-2-3",
    },
    "identityProviders": [
        {
            "issuer": "https://login.example.com/",
            "audiences": ["app"],
            "checkSession": {"apiKey": "key-of-the-provider"},
        }
    ],
    "breakGlassPrincipals": ["arn:aws:iam::123456789012:role/break-glass"],
    "signingAlgorithm": "EdDSA",
}


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    zip_file = tmp_path_factory.mktemp("bundle") / "bundle.zip"
    zip_file.write_bytes(b"stands for the Lambda zip, which a plan names but does not open")
    return zip_file


@contextmanager
def naming(bundle: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(functions, "lambda_bundle", lambda: bundle)
        yield


@pytest.fixture(autouse=True)
def _bundle(bundle: Path) -> Iterator[None]:
    with naming(bundle):
        yield


@pytest.fixture(scope="session")
def default_plan(bundle: Path) -> Plan:
    """Nothing is configured but PowerSync's URL."""
    with naming(bundle):
        return record()


@pytest.fixture(scope="session")
def full_plan(bundle: Path) -> Plan:
    """Everything is switched on."""
    with naming(bundle):
        return record(**EVERYTHING)


@pytest.fixture(params=["default_plan", "full_plan"])
def plan(request: pytest.FixtureRequest) -> Plan:
    """Both of them, one after the other."""
    chosen: Plan = request.getfixturevalue(request.param)
    return chosen
