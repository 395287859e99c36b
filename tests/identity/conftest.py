"""Identity providers, a real one and a forger's, and a clock that tests may move."""

import time
from collections.abc import Iterator

import pytest

from tests.identity.clock import MovableClock
from tests.identity.forgery import KEYS, trusting
from tests.identity.key_server import KeyServer
from tests.identity.openid_provider import OpenIdProvider
from tests.identity.service import Deployment
from tests.patience import PATIENT
from token_service.identity import provider_http


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No provider that answers is given up on a busy machine."""
    monkeypatch.setattr(provider_http, "TIME_LIMIT", PATIENT)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    """The functions, which believe the provider of the forged tokens."""
    with KeyServer(keys=list(KEYS)) as server:
        yield trusting(server, time.time)


@pytest.fixture(scope="session")
def running_openid_provider() -> Iterator[OpenIdProvider]:
    with OpenIdProvider() as provider:
        yield provider


@pytest.fixture
def openid_provider(running_openid_provider: OpenIdProvider) -> Iterator[OpenIdProvider]:
    yield running_openid_provider
    running_openid_provider.break_with("")
