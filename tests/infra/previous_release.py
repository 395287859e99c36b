"""Writes down what the functions of this release read, and what its resources are called.

The next release is compared with it.

`make released` runs it, when a release is made.
"""

import json
from pathlib import Path

from tests.infra.conftest import EVERYTHING
from tests.infra.plan import Plan, record

FILE = Path(__file__).with_name("previous_release.json")

RESOURCES = FILE.with_name("previous_resources.json")


def read_by_functions(plan: Plan) -> dict[str, dict[str, object]]:
    """Handler and names of the environment variables of each function."""
    return {
        name: {
            "handler": function.inputs["handler"],
            "variables": sorted(plan.environment(name)),
        }
        for name, function in sorted(plan.of("Function").items())
    }


def urns(plan: Plan) -> list[str]:
    """Pulumi's names of all that is in AWS."""
    return sorted(resource.urn for resource in plan.resources if resource.custom)


if __name__ == "__main__":
    released = record(**EVERYTHING)
    FILE.write_text(json.dumps(read_by_functions(released), indent=2) + "\n")
    RESOURCES.write_text(json.dumps(urns(released), indent=2) + "\n")
    print(f"renewed {FILE.name} and {RESOURCES.name}")
