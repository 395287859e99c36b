"""Rotations on the deployed stack, while a client fetches tokens and PowerSync verifies them."""

import json
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest

from local.stack import LocalStack
from operate.key_ring import KeyRing
from operate.stacks import local_stack
from tests.conftest import Figure
from tests.js.verifier import PowerSyncInstance
from tests.local.operators import Command, fetch_token
from tests.patience import PATIENT

ROTATIONS = 20
PROMISED_CACHE = 2
PUBLISHED_BEFORE_SIGNING = 8  # follows from the cache: 2 s, twice the JWKS cache and a margin
VERIFIER_CACHE = 1
"""Less than promised: a busy machine may take three seconds more for a fetch than none at all."""
ASKED_EVERY = (0.0, 0.5, 0.95)
"""Seconds between two requests to an instance: in use, less so, nearly idle."""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    """A stack whose keys may rotate every eight seconds, known to the operators' commands.

    Each test has its own: after twenty rotations there is room in the JWKS for a few more only.
    """
    config = {"verifierCacheSeconds": PROMISED_CACHE, "tokenLifetimeSeconds": 60}
    file = tmp_path / "outputs.json"
    with LocalStack(config) as deployed, pytest.MonkeyPatch.context() as patch:
        file.write_text(json.dumps(deployed.outputs))
        patch.setenv("LOCAL_OUTPUTS", str(file))
        yield deployed


def test_no_token_is_refused_through_twenty_rotations(stack: LocalStack, figure: Figure) -> None:
    outputs = stack.outputs
    key_ring = KeyRing(local_stack())
    first = key_ring.status().current
    with _Client(
        outputs["anonymous_token_url"], outputs["jwks_uri"], outputs["audience"]
    ) as client:
        for _ in range(ROTATIONS):
            status = key_ring.status()
            client.wait_for(status.current)
            published_at = next(k["published_at"] for k in status.keys if k["state"] == "next")
            time.sleep(max(0, published_at + PUBLISHED_BEFORE_SIGNING - status.now))
            key_ring._run_steps(str(uuid.uuid4()), lambda _: None)
        client.wait_for(key_ring.status().current)
    assert client.failure is None
    assert client.refused == []
    assert len(client.kids) == ROTATIONS + 1
    assert first in client.kids
    assert client.verified_late > 0, "no token of an earlier key was verified"
    figure("rotations on the local stack", ROTATIONS)
    figure("tokens verified by PowerSync during them", client.verified)


class _Client:
    """Fetches a token, has it verified by each instance whose turn it is, and starts again."""

    def __init__(self, token_url: str, jwks_uri: str, audience: list[str]) -> None:
        self._token_url = token_url
        self._instance: Callable[[], PowerSyncInstance] = lambda: PowerSyncInstance(
            jwks_uri, audience, VERIFIER_CACHE
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.refused: list[str] = []
        self.kids: set[str] = set()
        self.verified = 0
        self.verified_late = 0
        self.failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def wait_for(self, kid: str) -> None:
        """Returns once a token by this key was accepted, however slow the machine is."""
        give_up_at = time.monotonic() + PATIENT
        while kid not in self.kids:
            assert self._thread.is_alive(), self.failure
            assert time.monotonic() < give_up_at, f"no token by {kid}; refused: {self.refused}"
            time.sleep(0.05)

    def _run(self) -> None:
        try:
            with self._instance() as busy, self._instance() as used, self._instance() as idle:
                self._fetch_and_verify([busy, used, idle])
        except Exception as error:  # noqa: BLE001 - the test's thread asserts that there is none
            self.failure = error

    def _fetch_and_verify(self, instances: list[PowerSyncInstance]) -> None:
        asked_at = [0.0] * len(instances)
        older: deque[tuple[float, str]] = deque()
        while not self._stopping.is_set():
            token = fetch_token(self._token_url)
            now = time.monotonic()
            for number, instance in enumerate(instances):
                if now - asked_at[number] >= ASKED_EVERY[number]:
                    asked_at[number] = now
                    self._verify(instance, token)
            older.append((now, token))
            late = None
            while older[0][0] < now - 45:  # its key has long ceased to sign
                late = older.popleft()
            if late and late[0] > now - 90:  # and it is still valid
                self._verify(instances[0], late[1])
                self.verified_late += 1
            time.sleep(0.02)  # other tests want the processor, too

    def _verify(self, instance: PowerSyncInstance, token: str) -> None:
        verdict = instance.verify(token)
        self.verified += 1
        if not verdict.ok:
            self.refused.append(f"{verdict.kid}: {verdict.code} {verdict.error}")
        elif verdict.kid is not None:
            self.kids.add(verdict.kid)


def test_make_rotate_rotates_once_and_then_says_when_it_may_again(
    stack: LocalStack, command: Command
) -> None:
    ring = KeyRing(local_stack())
    before = ring.status()
    with PowerSyncInstance(stack.outputs["jwks_uri"], stack.outputs["audience"]) as powersync:
        token = fetch_token(stack.outputs["anonymous_token_url"])
        time.sleep(PUBLISHED_BEFORE_SIGNING + 1)
        rotated = command("rotate")
        assert rotated.status == 0, rotated.errors
        assert "Publishing it" in rotated.output
        assert ring.status().current != before.current
        assert powersync.verify(token).ok, "the old token is refused"
    for _ in range(3):  # On a busy machine it may have been late enough.
        early = command("rotate")
        if early.status:
            break
    assert early.status == 1
    assert "The rotation may come at" in early.errors


def test_make_rotate_finishes_what_a_failed_rotation_left_behind(
    stack: LocalStack, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = KeyRing(local_stack())
    time.sleep(PUBLISHED_BEFORE_SIGNING + 1)
    following = next(key["kid"] for key in ring.status().keys if key["state"] == "next")
    ring._invoke(
        {
            "Step": "createSecret",
            "SecretId": stack.outputs["signing_secret_arn"],
            "ClientRequestToken": str(uuid.uuid4()),
        }
    )
    refused = command("rotate")
    assert refused.status == 1
    assert "under way since" in refused.errors
    assert "A change is under way" in command("keys").output
    monkeypatch.setattr("operate.key_ring.UNDER_WAY_SECONDS", 0)
    finished = command("rotate")
    assert finished.status == 0, finished.errors
    assert "left behind" in finished.output
    assert ring.status().current == following


def test_make_rotate_finishes_a_rotation_that_has_made_no_key(
    stack: LocalStack, command: Command
) -> None:
    """Secrets Manager labels a version before it calls the function, which may fail."""
    time.sleep(PUBLISHED_BEFORE_SIGNING + 1)
    ring = KeyRing(local_stack())
    before = ring.status().current
    stack.aws.client("secretsmanager").put_secret_value(
        SecretId=stack.outputs["signing_secret_arn"],
        ClientRequestToken=str(uuid.uuid4()),
        VersionStages=["AWSPENDING"],
    )
    assert "has made no key" in command("keys").output
    finished = command("rotate")
    assert finished.status == 0, finished.errors
    status = ring.status()
    assert status.current != before
    assert status.change_in_progress is None
