"""A local stack with all around it, each part of which a test can break."""

from collections.abc import Iterator

import pytest

from tests.doctor.world import World, running


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("doctor")) as world:
        yield world


@pytest.fixture
def world(deployed: World) -> Iterator[World]:
    """The stack as it should be; whatever a test breaks is whole again afterwards."""
    yield deployed
    deployed.mend()
