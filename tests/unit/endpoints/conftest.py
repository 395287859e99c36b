"""Anonymous users of one ring, who are remembered for thirty days."""

import pytest

from tests.unit.endpoints.devices import Clock, make_key, remembering
from token_service.endpoints.anonymous import AnonymousSubjects
from token_service.keys import keyring
from token_service.keys.keyring import KeyRing


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def subjects(clock: Clock) -> AnonymousSubjects:
    return remembering(clock)


@pytest.fixture
def ring() -> KeyRing:
    return keyring.bootstrap(make_key)
