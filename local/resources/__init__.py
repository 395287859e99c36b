"""One function for each resource type that the program uses: its provider's part, in boto3.

A function gets the emulator and the resource, and returns its id and the outputs that AWS adds.
Importing this package registers all of them.
"""

from local.resources import access, functions, http_api, operations, signing_keys, user_pool
from local.resources.registry import MAKERS

__all__ = [
    "MAKERS",
    "access",
    "functions",
    "http_api",
    "operations",
    "signing_keys",
    "user_pool",
]
