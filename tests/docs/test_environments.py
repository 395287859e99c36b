"""The commands of docs/environments.md, and the pipelines that it hands out, run with stand-ins."""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from powersync_auth.bundle import LOCAL, TARGET_VARIABLE
from tests.docs.snippets import ROOT, fenced
from tests.infra.plan import record
from tests.loopback import Request, Response, serving
from tests.patience import PATIENT

DOCUMENT = "docs/environments.md"
GITHUB: dict[Any, Any] = yaml.safe_load((ROOT / ".github/workflows/deploy.yml.example").read_text())
GITLAB: dict[str, Any] = yaml.safe_load((ROOT / ".gitlab-ci.yml.example").read_text())

STEPS = {step.get("name", step.get("uses")): step for step in GITHUB["jobs"]["preview"]["steps"]}


def commands(about: str) -> str:
    (found,) = [block for block in fenced(DOCUMENT, "sh") if about in block]
    return found


@pytest.fixture(name="shell")
def _shell(tmp_path: Path) -> dict[str, str]:
    """An environment in which `pulumi`, `gh` and `make` note what they are asked for."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    notes = tmp_path / "notes"
    for name in ("pulumi", "gh", "make"):
        stand_in = bin_folder / name
        stand_in.write_text(f'#!/bin/sh\necho "{name} $*" >> {notes}\necho "what {name} says"\n')
        stand_in.chmod(0o755)
    return {
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "NOTES": str(notes),
        "STACK": "prod",
    }


def run(script: str, shell: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """As a step of a pipeline runs: the first command that fails ends it."""
    return subprocess.run(
        ["bash", "-e", "-c", script],
        env=shell,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENT,
        check=False,
    )


def fail(name: str, shell: dict[str, str]) -> None:
    """Has a stand-in fail from now on."""
    path = Path(shutil.which(name, path=shell["PATH"]) or "")
    path.write_text(path.read_text() + "exit 3\n")


def test_every_block_of_commands_is_run_by_a_test_below() -> None:
    firsts = [block.split()[0:2] for block in fenced(DOCUMENT, "sh")]
    assert firsts == [["pulumi", "config"], ["make", "policy"], ["aws", "iam"]]


def test_the_pool_of_another_program_is_a_valid_provider() -> None:
    provider: dict[str, Any] = {}
    for line in commands("pulumi config").splitlines():
        *_, path, value = shlex.split(line)
        key = path.removeprefix("identityProviders[0].")
        provider[key.removesuffix("[0]")] = [value] if key.endswith("[0]") else value
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(TARGET_VARIABLE, LOCAL.name)
        environment = record(identityProviders=[provider]).environment("auth")
    (given,) = json.loads(environment["IDENTITY_PROVIDERS"])
    assert given["issuer"].endswith("/eu-central-1_EXAMPLE")
    assert given["clientIds"] == ["1example23456789"]


def test_the_policy_is_printed_by_the_command() -> None:
    done = subprocess.run(
        commands("make policy"),
        shell=True,
        cwd=ROOT,
        env={**os.environ, TARGET_VARIABLE: LOCAL.name},
        capture_output=True,
        text=True,
        timeout=PATIENT,
        check=True,
    )
    assert json.loads(done.stdout) == json.loads((ROOT / "docs/deployer-policy.json").read_text())


def test_the_policy_that_is_put_is_there() -> None:
    words = shlex.split(commands("aws iam put-role-policy"))
    (file,) = (word.removeprefix("file://") for word in words if word.startswith("file://"))
    assert (ROOT / file).is_file()


def test_the_trust_policy_is_for_one_repository() -> None:
    (text,) = fenced(DOCUMENT, "json")
    (statement,) = json.loads(text)["Statement"]
    condition = statement["Condition"]["StringEquals"]
    issuer = statement["Principal"]["Federated"].split("oidc-provider/")[1]
    assert condition[f"{issuer}:aud"] == "sts.amazonaws.com"
    assert all("*" not in subject for subject in condition[f"{issuer}:sub"])
    # The environment whose name GitHub puts into the token is the one that the workflow names.
    assert condition[f"{issuer}:sub"][1].endswith(
        f":environment:{GITHUB['jobs']['deploy']['environment']}"
    )


def test_two_deployments_never_run_at_once_and_none_is_cut_short() -> None:
    assert GITHUB["jobs"]["deploy"]["concurrency"] == {
        "group": "deploy-prod",
        "cancel-in-progress": False,
    }
    assert GITLAB["deploy"]["resource_group"] == "prod"
    assert GITLAB["deploy"]["interruptible"] is False


def test_both_pipelines_compile_with_python_3_13() -> None:
    (python,) = [step for uses, step in STEPS.items() if "setup-python" in uses]
    assert python["with"]["python-version"] == "3.13"
    assert GITLAB[".prepared"]["image"] == "python:3.13"


def test_what_others_wrote_is_pinned_by_commit() -> None:
    for step in STEPS.values():
        if "uses" in step:
            assert len(step["uses"].split("@")[1]) == 40


def test_only_a_pull_request_from_this_repository_gets_credentials() -> None:
    assert "head.repo.full_name == github.repository" in GITHUB["jobs"]["preview"]["if"]
    assert GITHUB["permissions"] == {"contents": "read"}
    assert GITHUB["jobs"]["preview"]["permissions"]["id-token"] == "write"


def identity_tokens(request: Request) -> Response:
    """GitHub's endpoint for a job's identity token, as far as a step of ours uses it."""
    asked = request.method == "GET" and request.path.endswith("&audience=sts.amazonaws.com")
    known = request.headers["authorization"] == "bearer of-this-job"
    token = json.dumps({"count": 1, "value": "the.identity.token"})
    return Response(200 if asked and known else 403, token.encode())


@pytest.mark.parametrize(("token", "works"), [("of-this-job", True), ("of-another", False)])
def test_the_role_is_taken_with_the_job_s_own_token(
    shell: dict[str, str], tmp_path: Path, *, token: str, works: bool
) -> None:
    with serving(identity_tokens) as url:
        done = run(
            STEPS["Take the role"]["run"],
            {
                **shell,
                "RUNNER_TEMP": str(tmp_path),
                "GITHUB_ENV": str(tmp_path / "env"),
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": token,
                "ACTIONS_ID_TOKEN_REQUEST_URL": f"{url}/token?api=1",
            },
            tmp_path,
        )
    assert (done.returncode == 0) is works, done.stderr
    if works:
        named = (tmp_path / "env").read_text().strip().split("=", 1)
        assert named[0] == "AWS_WEB_IDENTITY_TOKEN_FILE"
        assert Path(named[1]).read_text() == "the.identity.token"


@pytest.mark.parametrize("broken", [False, True])
def test_a_pull_request_is_told_what_would_change(
    shell: dict[str, str], tmp_path: Path, *, broken: bool
) -> None:
    if broken:
        fail("pulumi", shell)
    done = run(STEPS["Preview"]["run"], {**shell, "PULL_REQUEST": "7"}, tmp_path)
    assert done.returncode == (3 if broken else 0), done.stderr
    asked = Path(shell["NOTES"]).read_text().splitlines()
    assert asked[0] == "pulumi preview --stack prod --diff --color never"
    assert asked[1].startswith("gh pr comment 7 ")
    assert "what pulumi says" in (tmp_path / "comment.md").read_text()


@pytest.mark.parametrize("script", [STEPS["Deploy"]["run"], GITLAB["deploy"]["script"][0]])
def test_main_is_deployed_without_asking(
    shell: dict[str, str], tmp_path: Path, script: str
) -> None:
    assert run(script, shell, tmp_path).returncode == 0
    assert Path(shell["NOTES"]).read_text() == "make deploy STACK=prod YES=1\n"


def test_a_merge_request_is_told_what_would_change(shell: dict[str, str], tmp_path: Path) -> None:
    written: list[Request] = []

    def notes(request: Request) -> Response:
        """GitLab's, of a merge request."""
        written.append(request)
        return Response(201)

    with serving(notes) as url:
        done = run(
            GITLAB["preview"]["script"][0],
            {
                **shell,
                "COMMENT_TOKEN": "secret",
                "CI_API_V4_URL": f"{url}/api/v4",
                "CI_PROJECT_ID": "5",
                "CI_MERGE_REQUEST_IID": "9",
            },
            tmp_path,
        )
    assert done.returncode == 0, done.stderr
    (note,) = written
    assert (note.method, note.path) == ("POST", "/api/v4/projects/5/merge_requests/9/notes")
    assert note.headers["private-token"] == "secret"
    body = note.body.decode()
    assert body.startswith("body=")
    assert "what+pulumi+says" in body or "what%20pulumi%20says" in body
