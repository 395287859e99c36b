"""Writes down what the functions of this release read, for the next one to be compared with.

`make released` runs it, when a release is made.
"""

import json
from pathlib import Path

from tests.infra.conftest import EVERYTHING
from tests.infra.plan import Plan, record

FILE = Path(__file__).with_name("previous_release.json")


def read_by_functions(plan: Plan) -> dict[str, dict[str, object]]:
    """Handler and names of the environment variables of each function."""
    return {
        name: {
            "handler": function.inputs["handler"],
            "variables": sorted(plan.environment(name)),
        }
        for name, function in sorted(plan.of("Function").items())
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(read_by_functions(record(**EVERYTHING)), indent=2) + "\n")
    print(f"renewed {FILE.name}")
