"""`make local` as its user sees it: it starts, says what to do, ends, and leaves nothing behind."""

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.local.operators import run_printed
from tests.patience import PATIENT

ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN_SECONDS = 240.0
ENDS_WITHIN_SECONDS = 60.0
NOTICED_WITHIN_SECONDS = 2.0
KILLS = 5


class Command:
    """`make local`, running with a temporary folder and an outputs file of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self.outputs_file = folder / "outputs.json"
        self.port = _free_port()
        self._output = folder / "output.txt"
        environment = {
            "LOCAL_MEMORY": str(folder / "memory.json"),
            "LOCAL_OUTPUTS": str(self.outputs_file),
            "LOCAL_PORT": str(self.port),
            "PYTHONPATH": "infra",
            "TMPDIR": str(self.temporary),
            **environment,
        }
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-m", "local"],
                cwd=ROOT,
                env=os.environ | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    def outputs(self) -> dict[str, Any]:
        """Waits until the stack is up; returns its outputs."""
        self.wait_until(lambda: "Ctrl-C" in self.output)
        document: dict[str, Any] = json.loads(self.outputs_file.read_text())
        return document

    def wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + STARTS_WITHIN_SECONDS
        while not condition():
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.02)

    def stop(self, signal_number: int) -> int:
        self.process.send_signal(signal_number)
        return self.process.wait(ENDS_WITHIN_SECONDS)

    def descendants(self) -> set[int]:
        """All processes below this one."""
        listed = subprocess.run(
            ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
        )
        rows = (line.split() for line in listed.stdout.splitlines())
        parents = {int(pid): int(parent) for pid, parent in rows}
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found - {self.process.pid}

    def assert_nothing_is_left(self, descendants: set[int]) -> None:
        """Gives killed processes a moment to be gone; nothing may be there afterwards."""
        deadline = time.monotonic() + ENDS_WITHIN_SECONDS
        while (_alive(descendants) or any(self.temporary.iterdir())) and (
            time.monotonic() < deadline
        ):
            time.sleep(0.05)
        assert not _alive(descendants)
        assert list(self.temporary.iterdir()) == []
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", self.port)) != 0


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Starts the command, as often as a test likes."""
    started: list[Command] = []

    def start(**environment: str) -> Command:
        started.append(Command(tmp_path / str(len(started)), **environment))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _alive(pids: set[int]) -> set[int]:
    listed = subprocess.run(["ps", "-eo", "pid=,stat="], capture_output=True, text=True, check=True)
    rows = (line.split() for line in listed.stdout.splitlines())
    return pids & {int(pid) for pid, state in rows if not state.startswith("Z")}


def _children(pid: int) -> list[int]:
    """The processes that a process has started, as soon as it has started any."""
    deadline = time.monotonic() + PATIENT
    while True:
        listed = subprocess.run(
            ["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False
        )
        if listed.stdout:
            return [int(line) for line in listed.stdout.split()]
        assert time.monotonic() < deadline, f"{pid} has started nothing"
        time.sleep(0.02)


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=PATIENT) as answer:
        return json.load(answer)


def test_what_it_prints_works_and_a_termination_leaves_nothing_behind(
    command: Callable[..., Command],
) -> None:
    local = command()
    outputs = local.outputs()
    jwks, anonymous, signed_in = run_printed(local.output)
    assert len(jwks["keys"]) >= 2
    assert anonymous["token"]
    assert signed_in["token"]
    assert signed_in["userId"] != anonymous["userId"]
    assert outputs["local"].keys() == {
        *("endpoint", "region", "access_key_id", "secret_access_key", "config_file"),
        *("user_pool_id", "client_id", "username", "password"),
    }
    assert local.outputs_file.stat().st_mode & 0o077 == 0

    descendants = local.descendants()
    assert len(descendants) >= 4  # supervisor, MiniStack, and the workers of the calls above
    assert local.stop(signal.SIGTERM) == 0
    local.assert_nothing_is_left(descendants)
    assert not local.outputs_file.exists()


def test_after_a_kill_nothing_is_left_and_it_starts_again(command: Callable[..., Command]) -> None:
    killed = command()
    killed.outputs()
    descendants = killed.descendants()
    killed.stop(signal.SIGKILL)
    killed.assert_nothing_is_left(descendants)
    again = command(LOCAL_PORT=str(killed.port))
    assert _get(again.outputs()["jwks_uri"])["keys"]
    assert again.stop(signal.SIGINT) == 0


@pytest.mark.parametrize(
    ("moment", "seconds_later"),
    [("Starting MiniStack", 0), ("Deploying", 0), ("Deploying", 0.5), ("Deploying", 1.0)],
)
def test_a_termination_during_the_deployment_leaves_nothing_behind(
    command: Callable[..., Command], moment: str, seconds_later: float
) -> None:
    local = command()
    local.wait_until(lambda: moment in local.output)
    time.sleep(seconds_later)
    descendants = local.descendants()
    assert local.stop(signal.SIGTERM) == 0, local.output
    local.assert_nothing_is_left(descendants)
    assert local.output.endswith("Stopped; nothing is left behind.\n")
    assert "Traceback" not in local.output


def test_ctrl_c_while_it_is_being_imported_ends_it_quietly(
    command: Callable[..., Command], tmp_path: Path
) -> None:
    (tmp_path / "pulumi.py").write_text("import time\nprint('importing')\ntime.sleep(60)\n")
    local = command(PYTHONPATH=f"{tmp_path}{os.pathsep}infra")
    local.wait_until(lambda: "importing" in local.output)
    assert local.stop(signal.SIGINT) == -signal.SIGINT
    assert local.output == "importing\n"


def test_two_stacks_work_side_by_side(command: Callable[..., Command]) -> None:
    first, second = command(), command()
    one, other = first.outputs(), second.outputs()
    assert one["jwks_uri"] != other["jwks_uri"]
    kids = [{key["kid"] for key in _get(o["jwks_uri"])["keys"]} for o in (one, other)]
    assert kids[0].isdisjoint(kids[1])
    first.stop(signal.SIGTERM)
    assert _get(other["jwks_uri"])["keys"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere loopback is 127.0.0.1 alone")
def test_the_front_door_is_where_it_should_be_and_nowhere_else(
    command: Callable[..., Command],
) -> None:
    local = command(LOCAL_HOST="127.0.0.2")
    outputs = local.outputs()
    assert outputs["jwks_uri"] == f"http://127.0.0.2:{local.port}/.well-known/jwks.json"
    assert _get(outputs["jwks_uri"])["keys"]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", local.port)) != 0
    assert "Warning" not in local.output


def test_whoever_opens_it_to_others_is_told_what_they_reach(
    command: Callable[..., Command],
) -> None:
    local = command(LOCAL_HOST="0.0.0.0", LOCAL_URL="http://nobody-knows-it.internal:4566")
    outputs = local.outputs()
    assert outputs["token_url"] == "http://nobody-knows-it.internal:4566/token"
    local.wait_until(lambda: "Warning: other machines reach this at" in local.output)
    (warning,) = [line for line in local.output.splitlines() if line.startswith("Warning")]
    for part in ("http://nobody-knows-it.internal:4566", "tokens", "password"):
        assert part in warning
    for host in ("127.0.0.1", "127.0.0.2"):
        assert _get(f"http://{host}:{local.port}/.well-known/jwks.json")["keys"]


@pytest.mark.parametrize("url", ["my-laptop", "http://my-laptop/auth"])
def test_what_is_no_address_is_refused(url: str, command: Callable[..., Command]) -> None:
    local = command(LOCAL_URL=url)
    assert local.process.wait(STARTS_WITHIN_SECONDS) == 1
    assert local.output.startswith(f"Error: LOCAL_URL is '{url}', but should be a URL")


@pytest.mark.parametrize("victim", ["MiniStack", "supervisor"])
def test_the_end_of_the_embedded_aws_is_noticed_at_once_with_the_reason(
    victim: str, command: Callable[..., Command]
) -> None:
    local = command()
    local.outputs()
    descendants = local.descendants()
    (supervisor,) = _children(local.process.pid)
    (ministack,) = _children(supervisor)
    os.kill(ministack if victim == "MiniStack" else supervisor, signal.SIGKILL)
    killed_at = time.monotonic()
    while "Error: MiniStack has ended by itself" not in local.output:
        assert time.monotonic() - killed_at < NOTICED_WITHIN_SECONDS
        time.sleep(0.02)
    assert local.process.wait(ENDS_WITHIN_SECONDS) == 1
    reason = "it was killed (signal 9)" if victim == "MiniStack" else "looks after it was killed"
    assert "Error: MiniStack has ended by itself: " in local.output
    assert reason in local.output
    assert "Traceback" not in local.output
    assert not local.outputs_file.exists()
    if victim == "MiniStack":
        local.assert_nothing_is_left(descendants)


def test_the_end_of_the_embedded_aws_during_the_deployment_is_the_reason_that_is_told(
    command: Callable[..., Command],
) -> None:
    local = command()
    local.wait_until(lambda: "Deploying" in local.output)
    (supervisor,) = _children(local.process.pid)
    (ministack,) = _children(supervisor)
    time.sleep(1)
    os.kill(ministack, signal.SIGKILL)
    assert local.process.wait(ENDS_WITHIN_SECONDS) == 1
    assert "it was killed (signal 9)" in local.output
    assert "Traceback" not in local.output


def test_killed_whenever_it_starts_again_with_what_it_had(
    command: Callable[..., Command], tmp_path: Path
) -> None:
    def remembered(outputs: dict[str, Any]) -> tuple[object, ...]:
        kids = {key["kid"] for key in _get(outputs["jwks_uri"])["keys"]}
        local = outputs["local"]
        return kids, local["user_pool_id"], local["client_id"], local["password"]

    memory = str(tmp_path / "memory.json")
    first = command(LOCAL_MEMORY=memory)
    again = {"LOCAL_MEMORY": memory, "LOCAL_PORT": str(first.port)}
    had = remembered(first.outputs())
    first.stop(signal.SIGKILL)
    moments = random.Random(4566)
    for _ in range(KILLS):
        killed = command(**again)
        time.sleep(moments.uniform(0.1, 4))
        descendants = killed.descendants()
        killed.stop(signal.SIGKILL)
        killed.assert_nothing_is_left(descendants)
    last = command(**again)
    assert remembered(last.outputs()) == had
    assert "could not be read" not in last.output


def test_a_taken_port_is_named_with_the_way_out(command: Callable[..., Command]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        local = command(LOCAL_PORT=str(port))
        assert local.process.wait(STARTS_WITHIN_SECONDS) == 1
    assert f"port {port} on 127.0.0.1 cannot be used" in local.output
    assert "LOCAL_PORT=" in local.output
    assert "Traceback" not in local.output


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_what_is_no_port_is_refused(command: Callable[..., Command], port: str) -> None:
    local = command(LOCAL_PORT=port)
    assert local.process.wait(STARTS_WITHIN_SECONDS) == 1
    assert f"LOCAL_PORT is '{port}', but should be a port" in local.output


def test_mistakes_of_a_configuration_file_are_told_together(
    command: Callable[..., Command], tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("config: {tokenLifetimeSeconds: 5, rotationDays: 0}\n")
    local = command(LOCAL_CONFIG=str(file))
    assert local.process.wait(STARTS_WITHIN_SECONDS) == 1
    assert "powersync-auth:tokenLifetimeSeconds" in local.output
    assert "powersync-auth:rotationDays" in local.output
    assert "Traceback" not in local.output


def test_what_cannot_hold_the_outputs_is_refused_before_anything_is_deployed(
    command: Callable[..., Command], tmp_path: Path
) -> None:
    local = command(LOCAL_OUTPUTS=str(tmp_path))
    assert local.process.wait(STARTS_WITHIN_SECONDS) == 1
    assert local.output.startswith("Error: the outputs cannot be written to ")
    assert "Traceback" not in local.output


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's list of sockets")
def test_it_listens_on_127_0_0_1_with_its_door_and_its_emulator_only(
    command: Callable[..., Command],
) -> None:
    local = command()
    outputs = local.outputs()
    _get(outputs["jwks_uri"])
    sockets = set()
    for pid in {local.process.pid, *local.descendants()}:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            sockets |= set(re.findall(r"socket:\[(\d+)\]", str(descriptor.readlink())))
    listening = set()
    for table in ("tcp", "tcp6"):
        path = Path("/proc/net") / table
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                listening.add(fields[1])
    emulator = urlsplit(outputs["local"]["endpoint"]).port
    assert listening == {f"0100007F:{port:04X}" for port in (local.port, emulator)}
