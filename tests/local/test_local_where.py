"""`make local` where its user wants it, or with the reason why not: address, port, files."""

import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.local.make_local import MakeLocal, get_json
from tests.patience import PATIENT


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere loopback is 127.0.0.1 alone")
def test_the_front_door_is_where_it_should_be_and_nowhere_else(
    make_local: Callable[..., MakeLocal],
) -> None:
    local = make_local(LOCAL_HOST="127.0.0.2")
    outputs = local.outputs()
    assert outputs["jwks_uri"] == f"http://127.0.0.2:{local.port}/.well-known/jwks.json"
    assert get_json(outputs["jwks_uri"])["keys"]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", local.port)) != 0
    assert "Warning" not in local.output


def test_whoever_opens_it_to_others_is_told_what_they_reach(
    make_local: Callable[..., MakeLocal],
) -> None:
    local = make_local(LOCAL_HOST="0.0.0.0", LOCAL_URL="http://nobody-knows-it.internal:4566")
    outputs = local.outputs()
    assert outputs["token_url"] == "http://nobody-knows-it.internal:4566/token"
    local.wait_until(lambda: "Warning: other machines reach this at" in local.output)
    (warning,) = [line for line in local.output.splitlines() if line.startswith("Warning")]
    for part in ("http://nobody-knows-it.internal:4566", "tokens", "password"):
        assert part in warning
    for host in ("127.0.0.1", "127.0.0.2"):
        assert get_json(f"http://{host}:{local.port}/.well-known/jwks.json")["keys"]


@pytest.mark.parametrize("url", ["my-laptop", "http://my-laptop/auth"])
def test_what_is_no_address_is_refused(url: str, make_local: Callable[..., MakeLocal]) -> None:
    local = make_local(LOCAL_URL=url)
    assert local.process.wait(PATIENT) == 1
    assert local.output.startswith(f"Error: LOCAL_URL is '{url}', but should be a URL")


def test_a_taken_port_is_named_with_the_way_out(make_local: Callable[..., MakeLocal]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        local = make_local(LOCAL_PORT=str(port))
        assert local.process.wait(PATIENT) == 1
    assert f"port {port} on 127.0.0.1 cannot be used" in local.output
    assert "LOCAL_PORT=" in local.output
    assert "Traceback" not in local.output


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_what_is_no_port_is_refused(make_local: Callable[..., MakeLocal], port: str) -> None:
    local = make_local(LOCAL_PORT=port)
    assert local.process.wait(PATIENT) == 1
    assert f"LOCAL_PORT is '{port}', but should be a port" in local.output


def test_mistakes_of_a_configuration_file_are_told_together(
    make_local: Callable[..., MakeLocal], tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("config: {tokenLifetimeSeconds: 5, rotationDays: 0}\n")
    local = make_local(LOCAL_CONFIG=str(file))
    assert local.process.wait(PATIENT) == 1
    assert "powersync-auth:tokenLifetimeSeconds" in local.output
    assert "powersync-auth:rotationDays" in local.output
    assert "Traceback" not in local.output


def test_what_cannot_hold_the_outputs_is_refused_before_anything_is_deployed(
    make_local: Callable[..., MakeLocal], tmp_path: Path
) -> None:
    local = make_local(LOCAL_OUTPUTS=str(tmp_path))
    assert local.process.wait(PATIENT) == 1
    assert local.output.startswith("Error: the outputs cannot be written to ")
    assert "Traceback" not in local.output


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's list of sockets")
def test_it_listens_on_127_0_0_1_with_its_door_and_its_emulator_only(
    make_local: Callable[..., MakeLocal],
) -> None:
    local = make_local()
    outputs = local.outputs()
    get_json(outputs["jwks_uri"])
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
