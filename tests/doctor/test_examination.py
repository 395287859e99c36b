"""All that was looked at is told, and looking ends whatever hangs."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from operate.__main__ import main
from operate.doctor import command, examination
from operate.doctor.checks import Check, untold
from operate.doctor.examination import TIME_LIMIT, Part, run, time_left
from operate.doctor.site import Site
from operate.stacks import ROOT
from tests.doctor.world import World
from tests.loopback import dripping
from tests.patience import PATIENT

PROMISED = 15
"""Seconds within which doctor ends, says docs/troubleshooting.md."""


@pytest.fixture
def hanging(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command's stack takes connections, and no answer comes to an end."""
    outputs = tmp_path / "outputs.json"
    monkeypatch.setenv("LOCAL_OUTPUTS", str(outputs))
    with dripping() as origin:
        for output in ("jwks_uri", "token_url", "anonymous_token_url"):
            world.outputs[output] = f"{origin}/"
        world.outputs["local"]["endpoint"] = origin
        outputs.write_text(json.dumps(world.outputs))
        yield


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs to its end what operators run."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "infra:lambda_src"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENT,
    )


@pytest.mark.usefixtures("hanging")
def test_it_ends_whatever_hangs() -> None:
    """The command itself, to its end; what is not left behind hangs for as long as tests wait."""
    ran = python("-m", "operate", "doctor", "--json")
    assert ran.returncode in (1, 2), ran.stderr
    checks = {check["id"]: check for check in json.loads(ran.stdout)["checks"]}
    assert [name for name, check in checks.items() if check["ok"]] in ([], ["jwks.reachable"])
    told = checks["rotation"]["seen"]
    assert told.startswith("no answer within ")
    assert float(told.split()[3]) < TIME_LIMIT


def test_a_slow_start_leaves_less_time_to_look(
    monkeypatch: pytest.MonkeyPatch, world: World, tmp_path: Path
) -> None:
    """Of the machine, or of the Pulumi CLI; something is looked at all the same."""
    outputs = tmp_path / "outputs.json"
    outputs.write_text(json.dumps(world.outputs))
    monkeypatch.setenv("LOCAL_OUTPUTS", str(outputs))
    monkeypatch.setattr(sys, "argv", ["operate", "doctor"])
    given: list[tuple[float, float]] = []

    def examine(site: Site, time_limit: float, _progress: object) -> list[Check]:
        given.append((time_limit, site.patience))
        return []

    monkeypatch.setattr(command, "examine", examine)
    for gone in (0, 8, 3600):
        monkeypatch.setattr(command, "BEGAN", time.monotonic() - gone)
        main()
        limit, patience = given.pop()
        assert 4 <= limit <= time_left(gone)
        assert patience < limit
        assert gone == 3600 or gone + limit <= TIME_LIMIT < PROMISED - 1


@pytest.mark.usefixtures("hanging")
@pytest.mark.parametrize("verdict", ["token", "login"])
def test_a_verdict_ends_whatever_hangs(
    verdict: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "time_left", lambda _: 2)
    monkeypatch.setattr(sys, "argv", ["operate", "doctor", f"--{verdict}", "a.b.c", "--json"])
    assert main() == 2
    (check,) = json.loads(capsys.readouterr().out)["checks"]
    assert (check["id"], check["ok"]) == (f"{verdict}.verdict", None)
    assert check["seen"] == "no answer within 2 s"


def test_the_pulumi_cli_may_hang(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    script = tmp_path / "pulumi"
    script.write_text(f"#!/bin/sh\nexec sleep {PATIENT}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(command, "PATIENCE", 0.5)
    monkeypatch.setattr(sys, "argv", ["operate", "doctor", "--stack", "dev"])
    assert main() == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "Pulumi has not told the outputs of dev within 0.5 s" in told


def test_the_process_ends_though_a_thread_of_an_executor_hangs() -> None:
    """Such a one runs the Pulumi program, and what it needs may have to be downloaded."""
    hangs = (
        "import time\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from operate.__main__ import leave\n"
        "ThreadPoolExecutor().submit(time.sleep, 3600)\n"
        "print('told')\n"
        "leave(3)\n"
    )
    ran = python("-c", hangs)
    assert (ran.returncode, ran.stdout) == (3, "told\n"), ran.stderr


def test_what_hangs_does_not_keep_the_others_from_being_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = threading.Event()
    now = 0.0
    asked: list[list[str]] = []

    def hang() -> list[Check]:
        ended.wait(PATIENT)
        return []

    def progress(left: list[str]) -> None:
        nonlocal now
        asked.append(left)
        if left == ["slow"]:
            now += PATIENT

    monkeypatch.setattr(examination, "time", SimpleNamespace(monotonic=lambda: now))
    parts = [Part("slow", hang), Part("quick", lambda: [untold("quick", "x")])]
    slow, quick = run(parts, progress, PATIENT)
    ended.set()
    assert (slow.id, slow.ok) == ("slow", None)
    assert slow.seen == f"no answer within {PATIENT:g} s"
    assert (quick.id, quick.seen) == ("quick", "x")
    assert asked == [["slow", "quick"], ["slow"]]


def test_a_check_that_fails_by_itself_is_told_and_the_others_too() -> None:
    def broken() -> list[Check]:
        raise ZeroDivisionError("x")

    parts = [Part("bad", broken), Part("quick", lambda: [untold("quick", "x")])]
    failed, quick = run(parts, lambda _: None, PATIENT)
    assert (failed.ok, failed.seen) == (None, "doctor itself failed here: ZeroDivisionError: x")
    assert quick.id == "quick"
