"""The deployed local stack, started once for all tests that only look at it."""

from collections.abc import Iterator

import pytest

from local.stack import LocalStack


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    with LocalStack() as deployed:
        yield deployed
