"""A local stack with all around it, each part of which a test can break."""

from collections.abc import Iterator

import pytest

from operate.doctor import jwks_checks
from tests.doctor.world import World, running
from tests.patience import PATIENT
from token_service.identity import provider_http


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("doctor")) as world:
        yield world


@pytest.fixture
def world(deployed: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The stack as it should be; whatever a test breaks is whole again afterwards.

    Doctor takes no answer for slow, as all of them are on a busy machine.
    """
    monkeypatch.setattr(jwks_checks, "PATIENCE", PATIENT)
    monkeypatch.setattr(provider_http, "TIME_LIMIT", PATIENT)
    yield deployed
    deployed.mend()
