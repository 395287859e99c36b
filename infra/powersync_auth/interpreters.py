"""Finds a Python of some version on this machine, to make bytecode with."""

import os
import re
import subprocess
import sys
from pathlib import Path


def find(python_version: str, bytecode: int) -> str | None:
    """The path of a Python, or None where there is none.

    Args:
        python_version: `major.minor`.
        bytecode: Its bytecode format, as `magic_number` tells it; a Python that says otherwise is
            passed over.
    """
    for candidate in _candidates(python_version):
        if magic_number(candidate) == bytecode:
            return candidate
    return None


def magic_number(python: str) -> int | None:
    """Asks a Python, by its path, for its bytecode format; None if it does not run."""
    code = "import importlib.util as u; print(int.from_bytes(u.MAGIC_NUMBER[:2], 'little'))"
    try:
        finished = subprocess.run(  # noqa: S603 - our own arguments
            [python, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return int(finished.stdout) if finished.returncode == 0 else None


def _candidates(python_version: str) -> list[str]:
    """Pythons that claim to be of a version: on the PATH, uv's, pyenv's. Some may not even run."""
    name = f"python{python_version}"
    found = [
        str(Path(folder) / name)
        for folder in os.environ.get("PATH", "").split(os.pathsep)
        if folder and (Path(folder) / name).is_file()
    ]
    listed = subprocess.run(  # noqa: S603 - our own arguments
        [
            *(sys.executable, "-m", "uv", "--quiet", "--no-config", "python", "list"),
            *("--only-installed", "--managed-python", python_version),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    # Lines read `cpython-3.13.5-linux-x86_64-gnu   /path/to/python3.13 [-> target]`.
    found += re.findall(r"^\S+\s+(\S.*?)(?:\s+->.*)?$", listed.stdout, re.MULTILINE)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found += sorted(map(str, pyenv.glob(f"versions/{python_version}.*/bin/{name}")), reverse=True)
    return found
