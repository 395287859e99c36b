"""An embedded AWS with nothing deployed to it."""

from collections.abc import Iterator

import pytest

from local.emulator import Emulator
from tests.rotation.account import Account


@pytest.fixture(scope="session")
def _emulator() -> Iterator[Emulator]:
    with Emulator(enforce_iam=False) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def _aws(_emulator: Emulator) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", _emulator.endpoint)
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield


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
