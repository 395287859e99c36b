"""A key ring in the model of AWS, and the commands of the rotate function for it."""

import pytest

from tests.rotation.account import Account
from token_service.keys.commands import RotateCommands
from token_service.settings import RotationSettings


@pytest.fixture
def account() -> Account:
    return Account(in_model=True)


@pytest.fixture
def commands(account: Account) -> RotateCommands:
    settings = RotationSettings(
        secret_arn=account.secret_arn,
        parameter=account.parameter,
        signing_algorithm="ES256",
        publish_before_signing=account.timings.publish_before_signing,
        retain_after_signing=account.timings.retain_after_signing,
        remember_retired=0,
        verifier_cache=3600,
        jwks_max_age=120,
        rotation_days=30,
    )
    return RotateCommands(account.function(), settings, account.wait)
