"""What AWS refuses, in words that say what an operator can do about it."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
)

from operate.errors import OperatorError


@contextmanager
def explained(service: str) -> Iterator[None]:
    """Raises `OperatorError` for what goes wrong with calls of a service, by its IAM prefix."""
    try:
        yield
    except ClientError as error:
        raise OperatorError(_explanation(service, error)) from error
    except NoCredentialsError as error:
        raise OperatorError(
            "no AWS credentials found; sign in (`aws sso login`) or set AWS_PROFILE"
        ) from error
    except EndpointConnectionError as error:
        raise OperatorError(f"AWS does not answer ({error}); is `make local` running?") from error
    except BotoCoreError as error:
        raise OperatorError(f"AWS cannot be asked: {error}") from error


def _explanation(service: str, error: ClientError) -> str:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    operation = error.operation_name
    if code.startswith("AccessDenied"):
        action = "InvokeFunction" if operation == "Invoke" else operation
        return f"you lack the permission {service}:{action}; ask for it ({message})"
    if operation == "RotateSecret" and code == "InvalidRequestException":
        return f"Secrets Manager refuses to rotate: {message}"
    return f"{operation} failed: {code}: {message}"
