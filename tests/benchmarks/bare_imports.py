"""The limit of a token function's cold start: importing what it is made of, and doing nothing."""

import fastapi  # noqa: F401
import jwt  # noqa: F401
import mangum  # noqa: F401
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: F401

ANSWER = {"statusCode": 200}


def handler(event: dict[str, str], context: object) -> dict[str, int]:
    """Answer at once."""
    return ANSWER
