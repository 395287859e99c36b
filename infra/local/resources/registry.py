"""Which function makes which resource type."""

from collections.abc import Callable

from local.aws import Aws
from local.engine import Created, Resource

Create = Callable[[Aws, Resource], Created]

_FUNCTIONS: dict[str, Create] = {}


def makes(resource_type: str) -> Callable[[Create], Create]:
    """Registers the function that makes a resource type, such as `aws:kms/key:Key`."""

    def register(function: Create) -> Create:
        _FUNCTIONS[resource_type] = function
        return function

    return register


def create_function(resource_type: str) -> Create | None:
    """The function that makes a resource type, or None where there is none."""
    return _FUNCTIONS.get(resource_type)
