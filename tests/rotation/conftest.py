"""An embedded AWS with nothing deployed to it."""

from collections.abc import Iterator

import pytest

from local.emulator import Emulator
from tests.rotation.account import Account


@pytest.fixture(scope="session")
def _emulator() -> Iterator[Emulator]:
    with Emulator(enforce_iam=False) as emulator:
        yield emulator


@pytest.fixture
def _aws(_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", _emulator.endpoint)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def account(_aws: None) -> Account:
    """A secret without a value and an empty publication, as a new deployment has."""
    return Account()


@pytest.fixture
def running(account: Account) -> Account:
    """A ring that is ready to be rotated."""
    account.function().bootstrap()
    account.wait(account.timings.publish_before_signing)
    return account
