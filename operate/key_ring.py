"""What can be done with the key ring of a stack, through AWS's own calls."""

import json
import math
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from operate.errors import OperatorError
from operate.refusals import explained
from operate.stacks import Stack
from operate.terminal import duration, moment
from powersync_auth.restarts import restarted

STEPS = {
    "createSecret": "Making the next key",
    "setSecret": "Publishing it",
    "testSecret": "Signing and verifying with the new ring",
    "finishSecret": "Letting the new ring sign",
}

UNDER_WAY_SECONDS = 300
"""A change that began as long ago is not running any more: a function's time is 180 s."""

THUMBPRINT_LENGTH = 43
"""Characters of a `kid`, a SHA-256 in base64url (RFC 7638)."""

ROTATION_SECONDS = 300
"""How long to wait for a rotation that Secrets Manager carries out."""

Progress = Callable[[str], None]


class FunctionRefusedError(OperatorError):
    """The rotate function ran, and failed; the message is its own."""


@dataclass(frozen=True, slots=True)
class Status:
    """What the rotate function tells; times in epoch seconds by the function's clock.

    Attributes:
        now: When it was asked.
        keys: The keys of the ring, each with its state and times.
        rotation_possible_at: From when on the next key may sign.
        change_in_progress: A change that has not ended, if any.
        document: All that it told, these among it.
    """

    now: float
    keys: Sequence[Mapping[str, Any]]
    rotation_possible_at: int
    change_in_progress: Mapping[str, Any] | None
    document: Mapping[str, Any] = field(default_factory=dict)

    @property
    def retired(self) -> Sequence[Mapping[str, Any]]:
        """The keys that are no longer published, and kept for anonymous devices."""
        told: Sequence[Mapping[str, Any]] = self.document.get("retired", ())
        return told

    @property
    def problems(self) -> Sequence[Mapping[str, Any]]:
        """What of the published JWKS is not as the ring has it."""
        told: Sequence[Mapping[str, Any]] = self.document.get("problems", ())
        return told

    @property
    def legacy_keys(self) -> Sequence[Mapping[str, Any]]:
        """The keys of former signers, each with its end (`until`)."""
        told: Sequence[Mapping[str, Any]] = self.document.get("legacy_keys", ())
        return told

    @property
    def revoked(self) -> Mapping[str, int]:
        """When each revoked `kid` was revoked, in epoch seconds."""
        told: Mapping[str, int] = self.document.get("revoked", {})
        return told

    @property
    def current(self) -> str:
        """The `kid` that signs."""
        return str(next(key["kid"] for key in self.keys if key["state"] == "current"))

    def find(self, beginning: str) -> str:
        """The one `kid` that begins like this; raises `OperatorError` for none or several."""
        kids = [str(key["kid"]) for key in self.keys]
        retired = [str(key["kid"]) for key in self.retired]
        former = [str(key["kid"]) for key in self.legacy_keys]
        known = dict.fromkeys([*kids, *retired, *former, *map(str, self.revoked)])
        found = [kid for kid in known if kid.startswith(beginning)]
        if beginning in found or len(beginning) == THUMBPRINT_LENGTH:
            # A whole one is meant.
            return beginning
        if not found:
            listed = "\n".join(f"  {key['kid']}  {key['state']}" for key in self.keys)
            raise OperatorError(f"no key begins with {beginning}; there are\n{listed}")
        if len(found) > 1:
            raise OperatorError(
                f"several keys begin with {beginning}; say which one: {' or '.join(found)}"
            )
        return found[0]


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
            now=told["now"],
            keys=told["keys"],
            rotation_possible_at=told["rotation_possible_at"],
            change_in_progress=told["change_in_progress"],
            document=told,
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

    def bootstrap(self, *, new_ring: bool) -> str:
        """Make the ring if there is none, or a new one if it is lost; returns what signs now."""
        return str(self._invoke({"action": "new_ring", "replace": new_ring})["current"])

    def restart_functions(self) -> tuple[list[str], dict[str, str]]:
        """Let the functions forget the keys that they have in memory.

        A changed environment variable makes Lambda start them anew; its value is the reason.
        Functions that run as a published version (SnapStart, provisioned concurrency) cannot be
        restarted like this, and forget a key when their cache ends.

        Returns:
            The names of those restarted, and why each of the others was not. An error is no
            exception here: the keys have changed, and that is to be told whatever happens now.
        """
        try:
            functions = sorted(self._functions(), key=lambda each: str(each["FunctionName"]))
        except OperatorError as error:
            return [], {"functions of this stack": str(error)}
        done: list[str] = []
        left: dict[str, str] = {}
        for function in functions:
            name = str(function["FunctionName"])
            try:
                if self._is_versioned(name):
                    left[name] = "it runs as a published version"
                else:
                    self._restart(function)
                    done.append(name)
            except OperatorError as error:  # An emergency: the others are to forget the key.
                left[name] = str(error)
        return done, left

    def _restart(self, function: Mapping[str, Any]) -> None:
        name, variables = function["FunctionName"], function["Environment"]["Variables"]
        with explained("lambda"):
            self._lambda.update_function_configuration(
                FunctionName=name,
                Environment={"Variables": {**variables, **restarted(datetime.now(UTC))}},
                RevisionId=function["RevisionId"],
            )
            self._lambda.get_waiter("function_updated_v2").wait(
                FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
            )

    def _is_versioned(self, name: str) -> bool:
        with explained("lambda"):
            return bool(self._lambda.list_aliases(FunctionName=name)["Aliases"])

    def _functions(self) -> Iterator[Mapping[str, Any]]:
        """The functions that keep keys of this stack in memory, private or public ones."""
        with explained("lambda"):
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
        with explained("secretsmanager"):
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
        with explained("lambda"):
            answer = self._lambda.invoke(FunctionName=function, Payload=json.dumps(event))
            payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise FunctionRefusedError(str(payload.get("errorMessage", payload)))
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
