"""What a cold start of each function imports: recorded, so that it cannot grow unnoticed.

PYTHONPATH=infra:lambda_src python -m tests.benchmarks.imports      records it anew
"""

import json
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from tests.benchmarks.aws import LoopbackAws
from tests.benchmarks.measure import Field
from tests.benchmarks.processes import cold_start

RECORD = Path(__file__).with_name("imports.json")


def shipped(modules: Collection[str]) -> list[str]:
    """Those of the modules that come with the zip; the standard library differs by version."""
    return sorted(
        name
        for name in modules
        if name.split(".")[0] not in sys.stdlib_module_names
        and not name.startswith("_sysconfigdata")  # the standard library's, named by platform
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, LoopbackAws() as aws:
        functions = Field.prepare(Path(folder), aws, credentials=1).functions()
        imports = {name: shipped(cold_start(each)["modules"]) for name, each in functions.items()}
    RECORD.write_text(json.dumps(imports, indent=1) + "\n")


if __name__ == "__main__":
    main()
