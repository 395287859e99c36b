"""What of the dependencies is not shipped in the Lambda zip."""

import shutil
from pathlib import Path

_NAMES = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", ".lock"}
_SUFFIXES = {".pyi", ".pyc", ".pyx", ".pxd", ".c", ".h"}
_FOLDERS = {"bin", "tests", "sboms", "__pycache__"}
_PARTS = {
    "cffi": "compiles bindings; cryptography needs its `_cffi_backend` only",
    "pycparser": "what cffi compiles with",
    "pydantic/v1": "FastAPI tries to import it, at a cost, and does without",
    "pydantic/mypy.py": "a plugin for the type checker",
    "fastapi/.agents": "documentation",
    "fastapi/testclient.py": "for tests",
    "starlette/testclient.py": "for tests",
    "anyio/pytest_plugin.py": "for tests",
    "annotated_types/test_cases.py": "for tests",
}
"""Parts of dependencies that are never imported here, and why."""


def leave_out(tree: Path) -> None:
    """Removes what Python does not need to import and run the packages."""
    for part in _PARTS:
        path = tree / part
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for path in sorted(tree.rglob("*"), reverse=True):
        if path.is_dir():
            if path.name in _FOLDERS:
                shutil.rmtree(path)
        elif path.name in _NAMES or path.suffix in _SUFFIXES:
            path.unlink()
