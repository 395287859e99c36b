"""What can be done with the key ring of a stack, through AWS's own calls."""

import json
import math
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
)

from operate.stacks import OperatorError, Stack

STEPS = {
    "createSecret": "Making the next key",
    "setSecret": "Publishing it",
    "testSecret": "Signing and verifying with the new ring",
    "finishSecret": "Letting the new ring sign",
}

UNDER_WAY_SECONDS = 300
"""A change that began as long ago is not running any more: a function's time is 180 s."""

ROTATION_SECONDS = 300
"""How long to wait for a rotation that Secrets Manager carries out."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Status:
    """What the rotate function tells; times in epoch seconds by the function's clock."""

    now: float
    keys: list[Mapping[str, Any]]
    rotation_possible_at: int
    change_in_progress: Mapping[str, Any] | None

    @property
    def current(self) -> str:
        """The `kid` that signs."""
        return str(next(key["kid"] for key in self.keys if key["state"] == "current"))


class KeyRing:
    """The key ring of a stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._lambda = stack.client("lambda")
        self._secrets = stack.client("secretsmanager")

    def status(self) -> Status:
        """The keys and what may be done with them."""
        told = self._invoke({"action": "status"})
        return Status(
            told["now"], told["keys"], told["rotation_possible_at"], told["change_in_progress"]
        )

    def rotate(self, progress: Progress) -> bool:
        """Rotate, or finish what a failed change left behind; returns whether a new key signs."""
        status = self.status()
        change = status.change_in_progress
        if change is not None:
            # A rotation that failed before it made a ring has left a label without an age.
            since = math.inf if change["since"] is None else status.now - change["since"]
            if since < UNDER_WAY_SECONDS:
                raise OperatorError(
                    f"another change of the key ring is under way since {since:.0f} s; if it does"
                    f" not end, this command finishes it in {UNDER_WAY_SECONDS - since:.0f} s"
                )
            progress("Finishing a change that was left behind")
            self._run_steps(str(change["version_id"]), progress)
            return self.status().current != status.current
        wait = status.rotation_possible_at - status.now
        if wait > 0:
            raise OperatorError(
                "too early: an idle PowerSync instance may not have seen the next key yet, and"
                " would refuse its tokens.\nThe rotation may come at"
                f" {moment(status.rotation_possible_at)}, in {duration(wait)}. If the current key"
                " must go now, revoke it."
            )
        if self._stack.is_local:
            # The embedded AWS does not call the function, as Secrets Manager does.
            self._run_steps(str(uuid.uuid4()), progress)
        else:
            self._rotate_secret(status, progress)
        return True

    def revoke(self, kid: str | None) -> Mapping[str, Any]:
        """Revoke a key, all of them for None; returns what the function says about it."""
        if kid is None:
            return self._invoke({"action": "revoke", "all": True})
        return self._invoke({"action": "revoke", "kids": [kid]})

    def restart_functions(self) -> tuple[list[str], dict[str, str]]:
        """Let the functions forget the keys that they have in memory.

        A changed environment variable makes Lambda start them anew; its value is the reason.
        Functions that run as a published version (SnapStart, provisioned concurrency) cannot be
        restarted like this, and forget a key when their cache ends.

        Returns:
            The names of those restarted, and why each of the others was not.
        """
        restarted: list[str] = []
        left: dict[str, str] = {}
        for function in sorted(self._functions(), key=lambda each: str(each["FunctionName"])):
            name = str(function["FunctionName"])
            try:
                if self._is_versioned(name):
                    left[name] = "it runs as a published version"
                else:
                    self._restart(function)
                    restarted.append(name)
            except OperatorError as error:  # An emergency: the others are to forget the key.
                left[name] = str(error)
        return restarted, left

    def _restart(self, function: Mapping[str, Any]) -> None:
        name, variables = function["FunctionName"], function["Environment"]["Variables"]
        reason = f"a key was revoked at {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        with _explained():
            self._lambda.update_function_configuration(
                FunctionName=name,
                Environment={"Variables": {**variables, "RESTARTED_BECAUSE": reason}},
                RevisionId=function["RevisionId"],
            )
            self._lambda.get_waiter("function_updated_v2").wait(
                FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
            )

    def _is_versioned(self, name: str) -> bool:
        with _explained():
            return bool(self._lambda.list_aliases(FunctionName=name)["Aliases"])

    def _functions(self) -> Iterator[Mapping[str, Any]]:
        """The functions that keep keys of this stack in memory, private or public ones."""
        with _explained():
            pages = self._lambda.get_paginator("list_functions").paginate()
            functions = [function for page in pages for function in page["Functions"]]
        for function in functions:
            variables = function.get("Environment", {}).get("Variables", {})
            reads_ring = variables.get("KEYRING_SECRET_ARN") == self._stack.secret_arn
            reads_jwks = variables.get("JWKS_PARAMETER") == self._stack.jwks_parameter
            is_rotate = function["FunctionName"] == self._stack.rotate_function
            if (reads_ring or reads_jwks) and not is_rotate:
                yield function

    def _run_steps(self, token: str, progress: Progress) -> None:
        for step, meaning in STEPS.items():
            progress(meaning)
            self._invoke(
                {
                    "Step": step,
                    "SecretId": self._stack.secret_arn,
                    "ClientRequestToken": token,
                }
            )

    def _rotate_secret(self, before: Status, progress: Progress) -> None:
        progress("Asking Secrets Manager to rotate")
        with _explained():
            self._secrets.rotate_secret(SecretId=self._stack.secret_arn)
        said = ""
        give_up_at = time.monotonic() + ROTATION_SECONDS
        while time.monotonic() < give_up_at:
            time.sleep(2)
            status = self.status()
            if status.current != before.current and status.change_in_progress is None:
                return
            stage = _stage(before, status)
            if stage != said:
                progress(stage)
                said = stage
        raise OperatorError(
            f"the rotation has not ended within {ROTATION_SECONDS} s. Secrets Manager tries a"
            " failed rotation again by itself; what went wrong is in the log:"
            f" aws logs tail /aws/lambda/{self._stack.rotate_function}"
        )

    def _invoke(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """Invoke the rotate function; a refusal of its is raised as `OperatorError`."""
        function = self._stack.rotate_function
        with _explained():
            answer = self._lambda.invoke(FunctionName=function, Payload=json.dumps(event))
            payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise OperatorError(str(payload.get("errorMessage", payload)))
        told: Mapping[str, Any] = payload
        return told


def _stage(before: Status, now: Status) -> str:
    """How far Secrets Manager has come with a rotation that began after `before`."""
    if now.current != before.current:
        return "The new ring signs"
    if now.change_in_progress is None:
        return "Waiting for Secrets Manager to begin, or to begin again"
    if now.change_in_progress["since"] is None:
        return STEPS["createSecret"]
    return STEPS["setSecret"]


def moment(epoch_seconds: float) -> str:
    """A time as the operator's clock shows it."""
    return datetime.fromtimestamp(epoch_seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def duration(seconds: float) -> str:
    """A duration in the two largest units that say something: `1 h 3 min`."""
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    left = max(0, round(seconds))
    parts = []
    for unit, size in units:
        amount, left = divmod(left, size)
        if amount:
            parts.append(f"{amount} {unit}")
    return " ".join(parts[:2]) or "0 s"


@contextmanager
def _explained() -> Iterator[None]:
    """Turns what AWS refuses into what an operator can do about it."""
    try:
        yield
    except ClientError as error:
        raise OperatorError(_explanation(error)) from error
    except NoCredentialsError as error:
        raise OperatorError(
            "no AWS credentials found; sign in (`aws sso login`) or set AWS_PROFILE"
        ) from error
    except EndpointConnectionError as error:
        raise OperatorError(f"AWS does not answer ({error}); is `make local` running?") from error
    except BotoCoreError as error:
        raise OperatorError(f"AWS cannot be asked: {error}") from error


def _explanation(error: ClientError) -> str:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    operation = error.operation_name
    if code.startswith("AccessDenied"):
        service = "secretsmanager" if operation == "RotateSecret" else "lambda"
        action = "InvokeFunction" if operation == "Invoke" else operation
        return f"you lack the permission {service}:{action}; ask for it ({message})"
    if operation == "RotateSecret" and code == "InvalidRequestException":
        return f"Secrets Manager refuses to rotate: {message}"
    return f"{operation} failed: {code}: {message}"
