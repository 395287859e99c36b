"""Which function makes which resource type."""

from collections.abc import Callable

from local.aws import Aws
from local.resource import Created, Resource

Create = Callable[[Aws, Resource], Created]

MAKERS: dict[str, Create] = {}
"""The function for each type."""


def makes(resource_type: str) -> Callable[[Create], Create]:
    """Registers the function that makes a resource type, such as `aws:kms/key:Key`."""

    def register(function: Create) -> Create:
        MAKERS[resource_type] = function
        return function

    return register
