"""The Lambda zip: the token service and its locked dependencies, one per target.

The same sources give the same zip, byte for byte, in whatever folder they lie: names are sorted,
dates and modes fixed, and compiled code carries the path it will have in Lambda. (The compressor
is Python's own, so the guarantee holds for one build of Python at a time.)

Bytecode saves a cold start from compiling every module. It is only ever made by an interpreter of
the very version that will run it: where there is none, the zip goes without and a note says so.
With bytecode, the sources of dependencies are left out, which takes an eighth off the zip: a
traceback names their files and lines all the same. Our own sources stay.
"""

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from powersync_auth import interpreters, left_out

ROOT = Path(__file__).resolve().parents[2]
TARGET_VARIABLE = "POWERSYNC_AUTH_BUNDLE_TARGET"

LAMBDA_TASK_ROOT = "/var/task"
"""Where Lambda unpacks the zip; the path compiled code reports in a traceback."""

MAGIC_NUMBERS = {"3.13": 3571}
"""The bytecode format of each Python that Lambda may run, from CPython's pycore_magic_number.h."""

_ARCHITECTURES: dict[str | None, str] = {"aarch64-manylinux2014": "arm64"}
"""Lambda's names of processors by uv's of platforms."""

_KEPT_SECONDS = 86_400
"""How long a zip is kept that nobody uses."""

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE = 0o100644


class BundleError(Exception):
    """The zip could not be built; the message says why and what to do."""


@dataclass(frozen=True)
class Target:
    """Where a zip will run.

    Attributes:
        name: How the target is asked for.
        python_version: `major.minor` of the Python that runs the zip.
        platform: uv's name of the platform, or None for this machine's.
        magic_number: The bytecode format of that Python.
    """

    name: str
    python_version: str
    platform: str | None
    magic_number: int

    @property
    def runtime(self) -> str:
        """Lambda's name of the Python."""
        return f"python{self.python_version}"

    @property
    def architecture(self) -> str:
        """Lambda's name of the processor; raises `KeyError` for a platform that is not Lambda's."""
        return _ARCHITECTURES[self.platform]


AWS = Target("aws", "3.13", "aarch64-manylinux2014", MAGIC_NUMBERS["3.13"])
"""The functions are declared with its runtime and architecture."""
LOCAL = Target(
    "local",
    f"{sys.version_info.major}.{sys.version_info.minor}",
    None,
    int.from_bytes(importlib.util.MAGIC_NUMBER[:2], "little"),
)
"""The embedded AWS runs functions with its own Python, which is the one that runs this."""

_TARGETS = {target.name: target for target in (AWS, LOCAL)}


def is_local() -> bool:
    """Whether the program is deployed to the embedded AWS."""
    return os.environ.get(TARGET_VARIABLE) == LOCAL.name


def lambda_bundle(
    *,
    source: Path = ROOT / "lambda_src",
    cache: Path | None = None,
    target: Target | None = None,
    compiler: str | None = None,
) -> Path:
    """Builds the Lambda zip, or finds the one built before from the same sources.

    Safe to call from several processes at once: each builds in a folder of its own and moves the
    finished zip into place. Then what nobody has used for a day goes, so that the cache does not
    grow with every change.

    Args:
        source: Holds `requirements.txt` (with hashes) and the packages to ship.
        cache: Where zips are kept, named by what they were made of; by default beside the sources,
            or among the user's own files where nothing may be written there.
        target: Where the zip will run; by default what the environment variable
            `POWERSYNC_AUTH_BUNDLE_TARGET` says (`aws` or `local`), and `aws` without it.
        compiler: The Python that makes the bytecode; found by itself where not given. It must be
            of the target's version.

    Returns:
        The absolute path of the zip.

    Raises:
        BundleError: The target is unknown, a dependency cannot be installed, or the compiler is
            of another version than the target's.
    """
    target = target or _target_from_environment()
    compiler = compiler or _find_compiler(target)
    if compiler is None:
        print(
            f"note: no Python {target.python_version} here, so the Lambda zip goes without "
            f"bytecode and cold starts are slower. `uv python install {target.python_version}` "
            "gets one. A machine with one makes another zip: where some have one and some do not, "
            "each deploys every function anew.",
            file=sys.stderr,
        )
    elif interpreters.magic_number(compiler) != target.magic_number:
        raise BundleError(
            f"{compiler} does not make bytecode for Python {target.python_version}: "
            "give another one, or none"
        )
    cache = (cache or _usual_cache()).resolve()
    bundle = cache / f"{target.name}-{_fingerprint(source, target, compiler)}.zip"
    if _found(bundle):
        return bundle
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="build-") as folder:
        tree = Path(folder) / "tree"
        _install(source / "requirements.txt", tree, target)
        left_out.leave_out(tree)
        if compiler is not None:
            _compile(tree, compiler, target, "-b")
            for dependency in tree.rglob("*.py"):
                dependency.unlink()
        for package in _packages(source):
            copy = tree / package.name
            shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
            if compiler is not None:
                _compile(copy, compiler, target)
        _refuse_foreign_bytecode(tree, target)
        unfinished = Path(folder) / bundle.name
        _zip(tree, unfinished)
        unfinished.replace(bundle)
    _remove_unused(cache)
    return bundle


def _usual_cache() -> Path:
    beside = ROOT / ".local" / "bundles"
    try:
        beside.mkdir(parents=True, exist_ok=True)
    except OSError:
        users = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(users) / "powersync-auth" / "bundles"
    return beside


def _found(bundle: Path) -> bool:
    """Whether there is such a zip; its date says from now on that it was used today."""
    try:
        os.utime(bundle)
    except FileNotFoundError:
        return False
    return True


def _remove_unused(cache: Path) -> None:
    """Removes zips that are not used any more, and what builds have left that were killed.

    Somebody else may be doing the same.
    """
    for path in [*cache.glob("*.zip"), *cache.glob("build-*")]:
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - _KEPT_SECONDS:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def _target_from_environment() -> Target:
    name = os.environ.get(TARGET_VARIABLE, AWS.name)
    if name not in _TARGETS:
        raise BundleError(f"{TARGET_VARIABLE} is {name!r}, but should be one of {list(_TARGETS)}")
    return _TARGETS[name]


def _packages(source: Path) -> list[Path]:
    return sorted(path.parent for path in source.glob("*/__init__.py"))


def _fingerprint(source: Path, target: Target, compiler: str | None) -> str:
    """Hashes everything a zip is made of, so that an unchanged one is not built again."""
    ingredients = [Path(__file__), Path(left_out.__file__), source / "requirements.txt"]
    for package in _packages(source):
        ingredients += sorted(
            path
            for path in package.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        )
    digest = hashlib.sha256(repr((target, sys.version, compiler is not None)).encode())
    if target.platform is None:
        digest.update(repr(os.uname()[::4] if hasattr(os, "uname") else os.name).encode())
    for path in ingredients:
        content = path.read_bytes()
        digest.update(f"\n{path.relative_to(path.parents[1])} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _install(requirements: Path, tree: Path, target: Target) -> None:
    """Installs the locked wheels for the target; nothing is built and no code of theirs runs."""
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-config"]
    command += ["--system-certs"]  # as pip does: a company's proxy may be known to the system only
    command += ["--require-hashes", "--only-binary", ":all:", "--link-mode", "copy"]
    command += ["--python", sys.executable, "--python-version", target.python_version]
    if target.platform is not None:
        command += ["--python-platform", target.platform]
    command += ["--target", str(tree), "--requirement", str(requirements)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    if finished.returncode != 0:
        raise BundleError(f"installing {requirements} failed:\n{finished.stderr.strip()}")


def _compile(folder: Path, compiler: str, target: Target, *options: str) -> None:
    """Writes bytecode that Python takes without looking at the sources.

    Args:
        folder: What to compile; its path will start with `LAMBDA_TASK_ROOT`.
        compiler: The Python to do it.
        target: Only named in an error.
        options: `-b` puts it in the sources' place, where it works without them; otherwise it
            goes into `__pycache__`.
    """
    tree = folder.parent if (folder / "__init__.py").exists() else folder
    command = [compiler, "-s", "-P", "-m", "compileall", "-q", "-f", "-j", "1", *options]
    command += ["--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(tree), "-p", LAMBDA_TASK_ROOT, str(folder)]
    finished = subprocess.run(  # noqa: S603 - our own arguments
        command,
        # A fixed hash seed: the order of a constant set is part of the bytecode.
        env=os.environ | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise BundleError(f"compiling for Python {target.python_version}:\n{finished.stdout}")


def _refuse_foreign_bytecode(tree: Path, target: Target) -> None:
    wrong = [
        str(path.relative_to(tree))
        for path in tree.rglob("*.pyc")
        if int.from_bytes(path.read_bytes()[:2], "little") != target.magic_number
    ]
    if wrong:
        raise BundleError(f"bytecode of another Python than {target.python_version}: {wrong[:3]}")


def _zip(tree: Path, bundle: Path) -> None:
    files = sorted(path for path in tree.rglob("*") if path.is_file())
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(files, key=lambda path: path.relative_to(tree).as_posix()):
            entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), _ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, also when built on Windows: the mode depends on it.
            entry.external_attr = _REGULAR_FILE << 16
            archive.writestr(entry, path.read_bytes())


def _find_compiler(target: Target) -> str | None:
    """A Python of the target's version, or None."""
    if target is LOCAL:
        return sys.executable
    return interpreters.find(target.python_version, target.magic_number)
