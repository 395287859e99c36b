"""What outlives the local stack, and what of it outlives a `kill -9`."""

import contextlib
import os
import random
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from local.aws import Aws
from local.deployer import LocalDeployer
from local.door.address import Address
from local.emulator import ROOT, Emulator, EmulatorError
from local.engine import DeploymentError
from local.outputs import what_next
from local.program import run_program
from local.remembered import MemoryFileError, memory_file, put_aside
from local.stack import LocalStack
from tests.conftest import Figure
from tests.patience import PATIENT

KILLS = int(os.environ.get("KILLS", "8"))
"""How often the embedded AWS is killed; `KILLS=50 make test ARGS="-k killed"` takes longer."""

REGION = "us-east-1"


def sign_in(stack: LocalStack, **parameters: str) -> dict[str, Any]:
    """Through the front door, as an app does."""
    flow = "REFRESH_TOKEN_AUTH" if "REFRESH_TOKEN" in parameters else "USER_PASSWORD_AUTH"
    answer = httpx.post(
        stack.door.url,
        headers={
            "X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth",
            "Content-Type": "application/x-amz-json-1.1",
        },
        json={
            "AuthFlow": flow,
            "ClientId": stack.outputs["local"]["client_id"],
            "AuthParameters": parameters,
        },
        timeout=PATIENT,
    )
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()["AuthenticationResult"]
    return result


def exchanged(stack: LocalStack, login: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {login}"}
    answer = httpx.post(stack.outputs["token_url"], headers=headers, timeout=PATIENT)
    assert answer.status_code == 200, answer.text
    token: dict[str, Any] = answer.json()
    return token


def test_what_was_yesterday_is_today(tmp_path: Path) -> None:
    file = tmp_path / "memory.json"
    with LocalStack(memory=file) as first:
        local = first.outputs["local"]
        yesterday = sign_in(first, USERNAME=local["username"], PASSWORD=local["password"])
        token = exchanged(first, yesterday["IdToken"])
    assert file.stat().st_mode & 0o077 == 0
    again = Address(port=first.door.address.port)
    changed = {"tokenLifetimeSeconds": 120}
    with LocalStack(changed, memory=file, address=again) as second:
        endpoints = ("endpoint",)
        same = {k: v for k, v in second.outputs["local"].items() if k not in endpoints}
        assert same == {k: v for k, v in local.items() if k not in endpoints}
        assert {**second.outputs, "local": 0} == {**first.outputs, "local": 0}
        keys = jwt.PyJWKSet.from_dict(httpx.get(second.outputs["jwks_uri"], timeout=PATIENT).json())
        kid = jwt.get_unverified_header(token["token"])["kid"]
        claims = jwt.decode(token["token"], keys[kid], audience=second.outputs["audience"])
        # Yesterday's login and refresh token are good, and the user is the same.
        today = sign_in(second, USERNAME=local["username"], PASSWORD=local["password"])
        refreshed = sign_in(second, REFRESH_TOKEN=yesterday["RefreshToken"])
        for login in (yesterday["IdToken"], today["IdToken"], refreshed["IdToken"]):
            new = exchanged(second, login)
            assert new["userId"] == claims["sub"]
        # The program is deployed as it is configured now.
        lifetime = jwt.decode(new["token"], options={"verify_signature": False})
        assert lifetime["exp"] - lifetime["iat"] == 120


def pool_keys(stack: LocalStack) -> Any:
    """The keys that the user pool signs with, as the front door publishes them."""
    pool = stack.outputs["user_pool_id"]
    url = f"{stack.door.url}/{pool}/.well-known/jwks.json"
    return httpx.get(url, timeout=PATIENT).json()["keys"]


def test_the_keys_of_the_user_pool_are_remembered_in_the_file_and_nowhere_else(
    tmp_path: Path,
) -> None:
    file = tmp_path / "memory.json"
    elsewhere = Path("/tmp/ministack-state")  # where MiniStack has them if it is not told
    before = set(elsewhere.rglob("*"))
    with LocalStack(memory=file) as first:
        local = first.outputs["local"]
        sign_in(first, USERNAME=local["username"], PASSWORD=local["password"])
        keys = pool_keys(first)
    with LocalStack(memory=file) as second:
        assert pool_keys(second) == keys
    assert file.read_text().count("BEGIN PRIVATE KEY") >= len(keys)
    assert set(elsewhere.rglob("*")) == before


def test_a_password_that_the_user_has_changed_is_not_told(tmp_path: Path) -> None:
    file = tmp_path / "memory.json"
    with LocalStack(memory=file) as first:
        first.aws.client("cognito-idp").admin_set_user_password(
            UserPoolId=first.outputs["user_pool_id"],
            Username=first.outputs["local"]["username"],
            Password="Aa1-another-of-her-own",
            Permanent=True,
        )
    with LocalStack(memory=file) as second:
        local = second.outputs["local"]
        assert (local["username"], local["password"]) == ("user@example.com", "")
        assert sign_in(second, USERNAME=local["username"], PASSWORD="Aa1-another-of-her-own")
        assert "Sign user@example.com in" not in what_next(second.outputs, file)


def test_fresh_forgets(tmp_path: Path) -> None:
    file = memory_file(tmp_path, 4566, None, None)
    assert file == tmp_path / "4566" / "memory.json"
    file.write_text("data")
    assert memory_file(tmp_path, 4566, None, "0").exists()
    assert not memory_file(tmp_path, 4566, None, "1").exists()
    with pytest.raises(MemoryFileError, match="FRESH is 'yes'"):
        memory_file(tmp_path, 4566, None, "yes")


def test_a_place_where_nothing_can_be_kept_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "memory.json", tmp_path):
        with pytest.raises(MemoryFileError, match=f"cannot be kept in {re.escape(str(path))}"):
            memory_file(tmp_path, 4566, str(path), None)


def put(emulator: Emulator, value: str) -> None:
    ssm = Aws(emulator.endpoint, REGION).client("ssm")
    ssm.put_parameter(Name="/kept", Value=value, Type="String", Overwrite=True)


def kept(emulator: Emulator) -> str | None:
    ssm = Aws(emulator.endpoint, REGION).client("ssm")
    try:
        return str(ssm.get_parameter(Name="/kept")["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[: len(content) // 2],
        lambda _: b"",
        lambda content: b"\x00" * len(content),
        lambda content: content.replace(b"kept", b"left"),
        lambda content: content + b" ",
    ],
)
def test_a_file_that_cannot_be_read_is_put_aside(
    spoil: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    file = tmp_path / "memory.json"
    with Emulator(memory=file) as emulator:
        put(emulator, "1")
    file.write_bytes(spoil(file.read_bytes()))
    spoilt = file.read_bytes()
    with Emulator(memory=file) as emulator:
        assert kept(emulator) is None
        put(emulator, "2")
    (aside,) = put_aside(file)
    assert aside.read_bytes() == spoilt
    with Emulator(memory=file) as emulator:
        assert kept(emulator) == "2"


def test_the_name_of_what_was_put_aside_is_told(tmp_path: Path) -> None:
    file = tmp_path / "memory.json"
    file.write_text("{}")
    told: list[str] = []
    with LocalStack(memory=file, warn=told.append) as stack:
        assert stack.outputs["jwks_uri"]
    (aside,) = put_aside(file)
    assert any(str(aside) in text for text in told)


def test_two_stacks_do_not_remember_in_one_file(tmp_path: Path) -> None:
    file = tmp_path / "memory.json"
    refusal = re.escape(f"another local stack remembers in {file}")
    with (
        Emulator(memory=file),
        pytest.raises(EmulatorError, match=refusal),
        Emulator(memory=file),
    ):
        pass


def test_a_pool_that_cannot_become_what_is_configured_says_what_to_do(tmp_path: Path) -> None:
    file, program = tmp_path / "memory.json", tmp_path / "program"
    program.mkdir()

    def deploy(arguments: str) -> None:
        with Emulator(memory=file) as emulator:
            lines = (
                "import pulumi_aws as aws",
                f'aws.cognito.UserPool("u", name="u", {arguments})',
            )
            (program / "__main__.py").write_text("\n".join(lines))
            deployer = LocalDeployer(Aws(emulator.endpoint, REGION))
            config = {"aws:region": REGION}
            run_program(deployer, project="p", stack="s", config=config, program=program)

    deploy('deletion_protection="INACTIVE"')
    deploy('deletion_protection="ACTIVE"')
    with pytest.raises(DeploymentError, match=r"another UsernameAttributes.*FRESH=1 make local"):
        deploy('username_attributes=["email"]')
    with pytest.raises(DeploymentError, match=r"another Schema.*FRESH=1 make local"):
        deploy('schemas=[{"name": "org", "attribute_data_type": "String"}]')


class Writer:
    """Writes one number after the other, and notes how often the file was saved before each."""

    def __init__(self, emulator: Emulator, begin: int, file: Path) -> None:
        self._ssm = Aws(emulator.endpoint, REGION).client("ssm")
        self._next, self._file = begin, file
        self._saved: list[object] = []
        self.accepted: list[tuple[int, int]] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(BotoCoreError, ClientError):
            while True:
                self._ssm.put_parameter(
                    Name="/kept", Value=str(self._next), Type="String", Overwrite=True
                )
                self.accepted.append((self.saved(), self._next))
                self._next += 1

    def saved(self) -> int:
        """How often at least: each time the file is another one."""
        with contextlib.suppress(FileNotFoundError):
            found = self._file.stat()
            if self._saved[-1:] != [(found.st_ino, found.st_mtime_ns)]:
                self._saved.append((found.st_ino, found.st_mtime_ns))
        return len(self._saved)

    def kept(self) -> int | None:
        """What must have been kept, once nothing is written any more.

        Of two saves after a number was accepted the second has begun after that.
        """
        self._thread.join()
        saved = self.saved()
        return max(
            (number for before, number in self.accepted if before + 2 <= saved), default=None
        )


def child_of(pid: int) -> int:
    listed = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=True)
    return int(listed.stdout.split()[0])


def test_two_saves_begin_within_a_second() -> None:
    """So a second is lost at most, however the machine is; the module is MiniStack's to import."""
    source = (ROOT / "local" / "embedded" / "memory.py").read_text("utf-8")
    (interval,) = re.findall(r"^SAVED_EVERY_SECONDS = ([\d.]+)$", source, re.MULTILINE)
    assert 2 * float(interval) < 1.0


def test_killed_at_any_moment_it_loses_what_came_after_its_last_save_at_most(
    tmp_path: Path, figure: Figure
) -> None:
    file, moments = tmp_path / "memory.json", random.Random(4566)
    number = 0
    for kill in range(KILLS):
        with Emulator(memory=file) as emulator:
            found = kept(emulator)
            assert found == (None if kill == 0 else str(number)) or int(found or 0) >= number
            writer = Writer(emulator, int(found or 0) + 1, file)
            time.sleep(moments.uniform(0.2, 2.5))
            # MiniStack itself, or who looks after it.
            victim = child_of(emulator.pid) if kill % 2 == 0 else emulator.pid
            os.kill(victim, signal.SIGKILL)
            number = writer.kept() or int(found or 0)
    assert number > KILLS
    assert put_aside(file) == set()
    figure("kills of the embedded AWS while it was written to", KILLS)


def test_an_end_that_was_asked_for_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "memory.json"
    for value in ("1", "2", "3"):
        with Emulator(memory=file) as emulator:
            put(emulator, value)
        with Emulator(memory=file) as emulator:
            assert kept(emulator) == value
