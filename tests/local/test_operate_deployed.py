"""The operators' commands on a stack in AWS, where Secrets Manager carries a rotation out."""

import json
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.stack import LocalStack
from operate import key_ring
from operate.key_ring import STEPS, KeyRing, Status
from operate.stacks import deployed_stack
from tests.local.operators import Command, in_aws
from tests.loopback import Request, Response, serving


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """Its keys may rotate every four seconds, and its token functions run as published versions."""
    config = {"verifierCacheSeconds": 1, "tokenLifetimeSeconds": 60, "provisionedConcurrency": 1}
    with LocalStack(config) as deployed:
        yield deployed


class SecretsManager:
    """Stands in for AWS's: MiniStack's moves the labels by itself, and calls no function.

    Attributes:
        asked: The secrets that it was asked to rotate.
        refusal: The error that it answers with instead, if any.
        steps: What it calls the function with, one at a time; a pause where there is none.
    """

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._token = str(uuid.uuid4())
        self.asked: list[str] = []
        self.refusal = ""
        self.steps: deque[str | None] = deque([None, *STEPS])

    def __call__(self, request: Request) -> Response:
        assert request.headers["x-amz-target"] == "secretsmanager.RotateSecret"
        self.asked.append(json.loads(request.body)["SecretId"])
        if self.refusal:
            return Response(400, json.dumps({"__type": self.refusal, "message": "No."}).encode())
        return Response(body=b"{}")

    def work(self) -> None:
        """Takes the next step of what it was asked for."""
        step = self.steps.popleft() if self.asked and self.steps else None
        if step is None:
            return
        event = {
            "Step": step,
            "SecretId": self.asked[0],
            "ClientRequestToken": self._token,
        }
        answer = self._stack.aws.client("lambda").invoke(
            FunctionName=self._stack.outputs["rotate_function_name"], Payload=json.dumps(event)
        )
        assert "FunctionError" not in answer, answer["Payload"].read()


class Clock:
    """Time that passes only while the command waits, and is made use of by others."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self._now = 0.0
        self._meanwhile = meanwhile

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds
        self._meanwhile()


@pytest.fixture
def aws(stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_aws(stack, tmp_path, monkeypatch)


@pytest.fixture
def secrets_manager(
    stack: LocalStack, aws: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SecretsManager]:
    """It is asked in the embedded one's place, and the keys may rotate."""
    stand_in = SecretsManager(stack)
    with serving(stand_in) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        status = KeyRing(deployed_stack("dev")).status()
        time.sleep(max(0, status.rotation_possible_at - status.now))
        monkeypatch.setattr(key_ring, "time", Clock(stand_in.work))
        yield stand_in


def _kids(ring: KeyRing) -> dict[str, str]:
    return {str(key["state"]): str(key["kid"]) for key in ring.status().keys}


def test_make_rotate_asks_secrets_manager_once_and_tells_how_far_it_is(
    stack: LocalStack, secrets_manager: SecretsManager, command: Command
) -> None:
    ring = KeyRing(deployed_stack("dev"))
    before = _kids(ring)
    rotated = command("rotate", "--stack", "dev")
    assert rotated.status == 0, rotated.errors
    assert secrets_manager.asked == [stack.outputs["signing_secret_arn"]]
    assert rotated.output.partition("Rotated.\n")[0].splitlines() == [
        "  Asking Secrets Manager to rotate",
        "  Waiting for Secrets Manager to begin, or to begin again",
        "  Publishing it",
    ]
    after = _kids(ring)
    assert (after["previous"], after["current"]) == (before["current"], before["next"])


def test_a_rotation_that_does_not_end_is_not_waited_for_for_ever(
    secrets_manager: SecretsManager, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets_manager.steps.clear()
    monkeypatch.setattr(key_ring, "ROTATION_SECONDS", 10)
    given_up = command("rotate", "--stack", "dev")
    assert given_up.status == 1
    assert len(secrets_manager.asked) == 1
    assert "the rotation has not ended within 10 s" in given_up.errors
    assert "aws logs tail /aws/lambda/powersync-auth-local-rotate" in given_up.errors


@pytest.mark.parametrize(
    ("refusal", "explanation"),
    [
        ("AccessDeniedException", "you lack the permission secretsmanager:RotateSecret"),
        ("InvalidRequestException", "Secrets Manager refuses to rotate: No."),
    ],
)
def test_why_secrets_manager_refuses_to_rotate_is_told(
    refusal: str, explanation: str, secrets_manager: SecretsManager, command: Command
) -> None:
    secrets_manager.refusal = refusal
    refused = command("rotate", "--stack", "dev")
    assert refused.status == 1
    assert explanation in refused.errors


def test_each_stage_of_a_rotation_is_told_until_nothing_of_it_is_left(
    secrets_manager: SecretsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    def status(current: str, **change: object) -> Status:
        return Status(10.0, [{"state": "current", "kid": current}], 0, change or None)

    statuses = [
        status("old"),
        status("old"),
        status("old", since=None),
        status("old", since=3.0),
        status("old", since=5.0),
        status("new", since=9.0),
        status("new"),
    ]
    ring = KeyRing(deployed_stack("dev"))
    monkeypatch.setattr(ring, "status", lambda: statuses.pop(0))
    told: list[str] = []
    assert ring.rotate(told.append)
    assert told == [
        "Asking Secrets Manager to rotate",
        "Waiting for Secrets Manager to begin, or to begin again",
        STEPS["createSecret"],
        STEPS["setSecret"],
        "The new ring signs",
    ]
    assert not statuses


@pytest.mark.usefixtures("aws")
def test_functions_that_run_as_published_versions_are_not_restarted(
    stack: LocalStack, command: Command
) -> None:
    """Nor is the rotate function, which keeps no key in memory."""
    kid = KeyRing(deployed_stack("dev")).status().current
    revoked = command("revoke", "--kid", kid, "--stack", "dev")
    assert revoked.status == 0, revoked.errors
    assert "\nRestarted powersync-auth-local-jwks.\n" in revoked.output
    assert revoked.errors.splitlines() == [
        f"Not restarted: powersync-auth-local-{name}: it runs as a published version"
        for name in ("auth", "auth-anonymous")
    ]
    assert "forgets the key when its caches end, after 5 minutes at most" in revoked.output
    listed = stack.aws.client("lambda").list_functions()["Functions"]
    assert [
        function["FunctionName"]
        for function in listed
        if "RESTARTED_BECAUSE" in function["Environment"]["Variables"]
    ] == ["powersync-auth-local-jwks"]
