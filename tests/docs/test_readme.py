"""Every command and snippet of the README, run."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from powersync_auth.bundle import LOCAL, TARGET_VARIABLE
from tests.docs.snippets import ROOT, anchors, fenced, first_column, links
from tests.infra.plan import REGION, record
from tests.patience import PATIENT

README = "README.md"
DOCUMENTS = [
    README,
    "CONTRIBUTING.md",
    *(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md")),
]

COPY = "cp examples/Pulumi.dev.yaml Pulumi.dev.yaml"

UNASKED = {"YES": "1"}
"""For somebody who would say yes: there is no terminal here to be asked at."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A shell of somebody who has the Pulumi CLI and AWS credentials."""
    folder = tmp_path_factory.mktemp("readme")
    command = folder / "pulumi"
    path = os.pathsep.join([str(ROOT), str(ROOT / "infra")])
    command.write_text(
        f'#!/bin/sh\nPYTHONPATH={path} exec {sys.executable} -m tests.docs.pulumi_stand_in "$@"\n'
    )
    command.chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "HOME": os.environ["HOME"],
        "LOCAL_PORT": str(port),
        "LOCAL_MEMORY": str(folder / "memory.json"),
        "LOCAL_OUTPUTS": str(folder / "outputs.json"),
        TARGET_VARIABLE: LOCAL.name,
        "PULUMI_STAND_IN_STATE": str(folder / "state.json"),
        "PULUMI_VENV": str(folder / "pulumi-venv"),
        "PULUMI_STAND_IN_OUTPUTS": str(folder / "outputs.json"),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }


@pytest.fixture(scope="module")
def local_stack(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """What `make local` prints, while it serves."""
    log = tmp_path_factory.mktemp("local") / "log"
    outputs = Path(environment["LOCAL_OUTPUTS"])
    with log.open("w") as out:
        process = subprocess.Popen(
            ["make", "local"], cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            deadline = time.monotonic() + PATIENT
            while "Ctrl-C ends it" not in log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            # For the commands that believe they speak to AWS.
            environment["AWS_ENDPOINT_URL"] = json.loads(outputs.read_text())["local"]["endpoint"]
            yield log.read_text()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENT)
    assert not outputs.exists()


def run(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENT,
        check=False,
    )


def block(first_line: str) -> str:
    """The README's block of commands that begins with this line."""
    (found,) = [b for b in fenced(README, "sh") if b.startswith(first_line + "\n")]
    return found


def test_every_block_of_commands_is_run_by_a_test_below() -> None:
    assert [b.splitlines()[0] for b in fenced(README, "sh")] == [
        "make local",
        "make keys",
        COPY,
        "pulumi stack output jwks_uri",
        "make keys STACK=dev",
        "pulumi config set protect false",
        "make test",
    ]


def test_the_commands_that_make_local_prints_work_as_they_stand(
    environment: dict[str, str], local_stack: str
) -> None:
    printed = local_stack.split("The public keys:\n", 1)[1]
    commands = "\n".join(line for line in printed.splitlines() if line.startswith("  "))
    result = run(commands, environment)
    assert result.returncode == 0, result.stderr
    answers, rest = [], result.stdout
    while rest.strip():
        answer, end = json.JSONDecoder().raw_decode(rest.lstrip())
        answers.append(answer)
        rest = rest.lstrip()[end:]
    jwks, anonymous, signed_in = answers
    assert len(jwks["keys"]) >= 2
    assert anonymous["userId"].startswith("anon-")
    assert signed_in["token"]


def test_make_keys_shows_the_keys_of_the_local_stack(
    environment: dict[str, str], local_stack: str
) -> None:
    result = run(block("make keys"), environment)
    assert result.returncode == 0, result.stderr
    assert "current" in result.stdout
    assert "next" in result.stdout


def deploying(folder: Path) -> str:
    """The commands that deploy; the copy of the example goes into a folder of the test's."""
    commands = block(COPY)
    return commands.replace(COPY, COPY.replace(" Pulumi", f" {folder}/Pulumi"), 1)


def test_pulumi_writes_into_a_file_that_git_does_not_track() -> None:
    """`stack init` and `config set` rewrite it."""
    copied = COPY.rsplit(maxsplit=1)[-1]
    ignored = subprocess.run(["git", "check-ignore", "-q", copied], cwd=ROOT, check=False)
    assert ignored.returncode == 0
    others = subprocess.run(
        ["git", "check-ignore", "-q", "Pulumi.prod.yaml"], cwd=ROOT, check=False
    )
    assert others.returncode == 1, "another stack's file is to be committed"


def test_the_commands_for_aws_make_a_valid_configuration_and_deploy_it(
    environment: dict[str, str], tmp_path: Path
) -> None:
    result = run(deploying(tmp_path), {**environment, **UNASKED})
    assert result.returncode == 0, result.stdout + result.stderr
    state = json.loads(Path(environment["PULUMI_STAND_IN_STATE"]).read_text())
    assert "jwks_uri" in state["up"]["outputs"]
    assert state["config"]["identityProviders"][0]["issuer"]
    assert {key for key in state["config"] if ":" not in key} <= settings().keys()


def test_a_stack_is_taken_down_only_once_nothing_in_it_is_protected(
    environment: dict[str, str], tmp_path: Path
) -> None:
    elsewhere = {**environment, **UNASKED, "PULUMI_STAND_IN_STATE": str(tmp_path / "state.json")}
    assert run(deploying(tmp_path), elsewhere).returncode == 0
    unprotect, deploy, destroy = block("pulumi config set protect false").splitlines()
    early = run(destroy, elsewhere)
    assert early.returncode != 0
    assert "protected: key-ring, signing-keys" in early.stderr
    result = run("\n".join([unprotect, deploy, destroy]), elsewhere)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "up" not in json.loads((tmp_path / "state.json").read_text())


def test_the_jwks_is_at_the_output(environment: dict[str, str], local_stack: str) -> None:
    result = run(block("pulumi stack output jwks_uri"), environment)
    assert result.returncode == 0, result.stderr
    uri, jwks = result.stdout.split("\n", 1)
    assert uri.endswith("/.well-known/jwks.json")
    assert json.loads(jwks)["keys"]


def test_operators_commands_reach_a_deployed_stack_and_refuse_what_is_wrong(
    environment: dict[str, str], local_stack: str
) -> None:
    keys, rotate, revoke = block("make keys STACK=dev").splitlines()
    shown = run(keys, environment)
    assert "current" in shown.stdout, shown.stdout + shown.stderr
    too_early = run(rotate, environment)
    assert too_early.returncode != 0
    assert "too early" in too_early.stderr
    unknown = run(revoke, environment)
    assert unknown.returncode != 0
    assert "the-kid-to-revoke" in unknown.stdout + unknown.stderr


def test_ci_runs_the_commands_for_contributors() -> None:
    script = (ROOT / ".ci/run").read_text().splitlines()
    assert set(block("make test").splitlines()) <= set(script)


def settings() -> dict[str, object]:
    configuration: dict[str, object] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    return configuration


def test_the_table_of_settings_is_that_of_the_project() -> None:
    listed = first_column(README, "Configuration")
    assert listed == settings().keys()


def test_the_table_of_outputs_has_every_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TARGET_VARIABLE, LOCAL.name)
    plan = record(
        anonymous={"enabled": True},
        createUserPool=True,
        customDomain={
            "name": "auth.example.com",
            "certificateArn": f"arn:aws:acm:{REGION}:123456789012:certificate/1-2-3",
        },
    )
    assert first_column(README, "Deploy it to AWS") == plan.outputs.keys()


def test_the_clients_snippet_is_valid_for_the_sdk(tmp_path: Path) -> None:
    (snippet,) = fenced(README, "ts")
    packages = ROOT / "tests/js/node_modules"
    file = packages / ".readme" / f"{tmp_path.name}.mts"
    file.parent.mkdir(exist_ok=True)
    declared = """
        import type { AbstractPowerSyncDatabase } from '@powersync/common';
        declare function yourLoginToken(): Promise<string | null>;
        declare const yourBackend: { upload(database: AbstractPowerSyncDatabase): Promise<void> };
        declare const db: AbstractPowerSyncDatabase;
        await db.connect(connector);
    """
    file.write_text(snippet + declared)
    try:
        result = subprocess.run(
            [
                str(packages / ".bin/tsc"),
                *("--noEmit", "--strict", "--skipLibCheck", "--ignoreConfig"),
                *("--module", "nodenext", "--target", "es2024", "--lib", "es2024,dom"),
                str(file),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        file.unlink()
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    for file, anchor in links(document):
        assert file.is_file(), file
        assert not anchor or anchor in anchors(file), f"{file}#{anchor}"


def test_commands_named_in_the_documents_exist() -> None:
    assert shutil.which("make")
    targets = {
        line.split(":")[0]
        for line in (ROOT / "Makefile").read_text().splitlines()
        if line and line[0].isalpha() and ":" in line
    }
    for document in DOCUMENTS:
        for shell in fenced(document, "sh"):
            for line in shell.splitlines():
                words = line.split()
                if "make" in words:
                    assert words[words.index("make") + 1] in targets, line
