"""What others have made and we ship or run: pinned, listed, and without what nobody needs."""

import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest
import yaml

from powersync_auth.bundle import LOCAL, lambda_bundle

ROOT = Path(__file__).resolve().parents[2]
COMMIT = re.compile(r"[0-9a-f]{40} # v\d+\.\d+\.\d+")


@pytest.fixture(scope="module")
def shipped() -> list[str]:
    """The names in the Lambda zip."""
    with zipfile.ZipFile(lambda_bundle(target=LOCAL)) as archive:
        return archive.namelist()


def test_every_action_is_pinned_by_its_commit() -> None:
    used = [
        line.split("uses:")[1].strip()
        for file in ROOT.glob(".github/workflows/*")
        for line in file.read_text("utf-8").splitlines()
        if "uses:" in line
    ]
    assert len(used) >= 3
    assert not [action for action in used if not COMMIT.fullmatch(action.partition("@")[2])]


def test_the_list_of_what_is_shipped_names_every_package_in_the_zip(shipped: list[str]) -> None:
    subprocess.run(["make", "sbom"], cwd=ROOT, check=True, capture_output=True, timeout=600)
    document = json.loads((ROOT / ".local/sbom.cdx.json").read_text("utf-8"))
    assert document["bomFormat"] == "CycloneDX"
    listed = {
        (component["name"].replace("-", "_"), component["version"])
        for component in document["components"]
    }
    packages = {
        tuple(name.split(".dist-info/")[0].rsplit("-", 1))
        for name in shipped
        if ".dist-info/" in name
    }
    assert len(packages) > 10
    assert packages == listed


def test_no_test_of_a_dependency_is_shipped(shipped: list[str]) -> None:
    tests = re.compile(r"(^|/)(tests?|testing)/|(^|/)(test_\w+|testclient|\w*pytest\w*)\.pyc?$")
    assert not [name for name in shipped if tests.search(name)]


def test_updates_are_looked_for_wherever_there_is_a_lock() -> None:
    configuration = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text("utf-8"))
    watched = {
        (update["package-ecosystem"], folder)
        for update in configuration["updates"]
        for folder in update.get("directories", [update.get("directory")])
    }
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    locks = {
        ("npm" if file.endswith("package-lock.json") else "pip", _folder(file))
        for file in tracked
        if re.search(r"(^|/)(package-lock\.json|requirements\.txt|requirements/\w+\.txt)$", file)
        and (ROOT / file).read_text("utf-8").count("\n") > 1
    }
    assert locks | {("github-actions", "/")} == watched


def _folder(file: str) -> str:
    return f"/{file.rpartition('/')[0]}"
