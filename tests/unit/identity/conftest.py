"""An identity provider's key server on loopback."""

from collections.abc import Iterator

import pytest

from tests.identity.key_server import KeyServer
from tests.unit.identity.stand_in import KEYS


@pytest.fixture(scope="module")
def server() -> Iterator[KeyServer]:
    """Serves the keys of the stand-in."""
    with KeyServer(keys=KEYS) as server:
        yield server
