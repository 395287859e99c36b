"""`docs/rotation.md` keeps to what there is."""

import re
import subprocess
from dataclasses import asdict

import pytest

from local.emulator import ROOT
from powersync_auth.timings import Timings

DOCUMENT = (ROOT / "docs" / "rotation.md").read_text("utf-8")
COMMANDS = re.findall(r"^make .*$", DOCUMENT, re.MULTILINE)


def test_its_times_are_those_of_the_defaults() -> None:
    told = re.findall(r"^\| `(\w+)` \| (\d+) \|", DOCUMENT, re.MULTILINE)
    derived = asdict(Timings.derive(verifier_cache=3600, token_lifetime=300))
    assert {name: int(seconds) for name, seconds in told} == derived


@pytest.mark.parametrize("command", sorted(set(COMMANDS)))
def test_make_knows_its_commands(command: str) -> None:
    known = subprocess.run(
        [*command.split(), "--dry-run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert known.returncode == 0, known.stderr


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#]+)\)", DOCUMENT))
def test_its_links_lead_somewhere(path: str) -> None:
    assert (ROOT / "docs" / path).exists()


def test_its_error_messages_are_those_of_the_code() -> None:
    code = "".join(
        path.read_text("utf-8") for path in (ROOT / "lambda_src" / "token_service").rglob("*.py")
    )
    joined = re.sub(r'"\s+f?"', "", code)
    rows = re.findall(
        r"^\| (`[^|]+) \| ", DOCUMENT.partition("### A rotation that failed")[2], re.MULTILINE
    )
    messages = [text for row in rows for text in re.findall(r"`([^`]+)`", row)]
    assert len(messages) > 8
    for message in messages:
        for part in message.split("…"):
            if part.strip().startswith(("make ", "AccessDenied", "lambda:")):
                continue
            assert part.strip() in joined, message
