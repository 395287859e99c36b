"""Builds of the Lambda zip: what is kept, what they say, and what git does to the sources."""

import hashlib
import os
import shutil
import subprocess
import time
import zipfile
from pathlib import Path

import pytest

from powersync_auth import interpreters
from powersync_auth.bundle import AWS, LOCAL, lambda_bundle

ROOT = Path(__file__).resolve().parents[2]


def _tiny_source(folder: Path) -> Path:
    """Sources of one package, without dependencies."""
    source = folder / "lambda_src"
    (source / "token_service").mkdir(parents=True)
    (source / "token_service" / "__init__.py").write_text("ANSWER = 42\n")
    (source / "requirements.txt").touch()
    return source


def test_without_a_compiler_the_zip_says_that_it_has_no_bytecode(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = _tiny_source(tmp_path)
    monkeypatch.setattr(interpreters, "find", lambda *_: None)
    built = lambda_bundle(source=source, cache=tmp_path / "bundles", target=AWS)
    assert zipfile.ZipFile(built).namelist() == ["token_service/__init__.py"]
    assert "no Python 3.13 here" in capsys.readouterr().err


def _age(path: Path, hours: float) -> None:
    before = time.time() - hours * 3600
    os.utime(path, (before, before))


def test_a_new_zip_takes_the_place_of_those_not_used_for_a_day(tmp_path: Path) -> None:
    source = _tiny_source(tmp_path)
    cache = tmp_path / "bundles"

    def build(answer: int) -> Path:
        (source / "token_service" / "__init__.py").write_text(f"ANSWER = {answer}\n")
        return lambda_bundle(source=source, cache=cache, target=LOCAL)

    unused, recent, used_again = build(1), build(2), build(3)
    _age(unused, 25)
    _age(recent, 23)
    _age(used_again, 25)
    (cache / "build-killed").mkdir()
    (cache / "build-killed" / "half.zip").touch()
    _age(cache / "build-killed", 25)
    (cache / "build-running").mkdir()
    assert build(3) == used_again
    newest = build(4)
    assert set(cache.iterdir()) == {recent, used_again, newest, cache / "build-running"}


def test_a_clone_has_the_same_zip_whatever_git_does_to_line_ends(tmp_path: Path) -> None:
    """As git for Windows does unless told otherwise: `core.autocrlf` is true there."""
    origin = tmp_path / "origin"
    shutil.copytree(
        ROOT / "lambda_src", origin / "lambda_src", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / ".gitattributes", origin)

    def git(*arguments: str) -> None:
        who = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        subprocess.run(["git", *who, *arguments], check=True, capture_output=True, cwd=tmp_path)

    git("init", "--quiet", str(origin))
    git("-C", str(origin), "add", "--all")
    git("-C", str(origin), "commit", "--quiet", "--message", "x")
    digests = set()
    for autocrlf in ("false", "true"):
        clone = tmp_path / autocrlf
        git("clone", "--quiet", "--config", f"core.autocrlf={autocrlf}", str(origin), str(clone))
        built = lambda_bundle(
            source=clone / "lambda_src", cache=tmp_path / f"bundles-{autocrlf}", target=LOCAL
        )
        digests.add((built.name, hashlib.sha256(built.read_bytes()).hexdigest()))
    assert len(digests) == 1
