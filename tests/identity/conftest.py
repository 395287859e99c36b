"""A real OpenID provider, shared by the tests of one worker, and a clock that tests may move."""

from collections.abc import Iterator

import pytest

from tests.identity.clock import MovableClock
from tests.identity.openid_provider import OpenIdProvider


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="session")
def running_openid_provider() -> Iterator[OpenIdProvider]:
    with OpenIdProvider() as provider:
        yield provider


@pytest.fixture
def openid_provider(running_openid_provider: OpenIdProvider) -> Iterator[OpenIdProvider]:
    yield running_openid_provider
    running_openid_provider.break_with("")
