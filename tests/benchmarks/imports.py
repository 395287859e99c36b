"""What a cold start of each function imports: recorded, so that it cannot grow unnoticed.

PYTHONPATH=infra:lambda_src python -m tests.benchmarks.imports      records it anew

Recorded are all modules that come with the zip, and the standard library's public modules at its
top level. The latter differ by Python, so each version has what only it imports beside what all do;
recording renews the part of the Python that runs it.
"""

import json
import sys
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from tests.benchmarks.aws import LoopbackAws
from tests.benchmarks.field import Field
from tests.benchmarks.processes import cold_start

RECORD = Path(__file__).with_name("imports.json")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_ALL = "all"

Recorded = Mapping[str, list[str]]
"""Modules of one function: `shipped`, and those of the standard library under `all` and under the
version of each Python for which they are recorded."""


def shipped(modules: Collection[str]) -> set[str]:
    """Those of the modules that come with the zip."""
    return {
        name
        for name in modules
        if name.split(".")[0] not in sys.stdlib_module_names
        and not name.startswith("_sysconfigdata")  # the standard library's, named by platform
    }


def standard(modules: Collection[str]) -> set[str]:
    """Those that are public modules of the standard library, at its top level."""
    return {name for name in modules if name in sys.stdlib_module_names and name[0] != "_"}


def recorded(function: str) -> Recorded:
    """What is on record for a function."""
    record: dict[str, Recorded] = json.loads(RECORD.read_text())
    return record.get(function, {})


def recorded_standard(record: Recorded) -> dict[str, set[str]]:
    """The standard library's modules on record, by the version of Python."""
    common = set(record.get(_ALL, ()))
    return {
        version: common | set(only)
        for version, only in record.items()
        if version not in {"shipped", _ALL}
    }


def _renewed(record: Recorded, modules: Collection[str]) -> Recorded:
    by_version = {**recorded_standard(record), PYTHON: standard(modules)}
    common = set.intersection(*by_version.values())
    return {
        "shipped": sorted(shipped(modules)),
        _ALL: sorted(common),
        **{version: sorted(by_version[version] - common) for version in sorted(by_version)},
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, LoopbackAws() as aws:
        functions = Field.prepare(Path(folder), aws, credentials=1, tutorial=False).functions()
        record = {
            name: _renewed(recorded(name), cold_start(function)["modules"])
            for name, function in functions.items()
        }
    RECORD.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
