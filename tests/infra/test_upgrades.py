"""For some seconds of an upgrade, old code runs with the new environment; or new with the old.

docs/decisions has the rule: a release takes nothing away in one step.
"""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.infra.plan import Plan
from tests.infra.previous_release import FILE, read_by_functions
from tests.infra.test_environment import IMPORT_HANDLER, LAMBDA_SRC, PROVIDED_BY_LAMBDA

PREVIOUS: dict[str, dict[str, Any]] = json.loads(FILE.read_text())


@pytest.mark.parametrize("name", PREVIOUS)
def test_old_code_finds_its_variables_in_the_new_environment(full_plan: Plan, name: str) -> None:
    missing = set(PREVIOUS[name]["variables"]) - full_plan.environment(name).keys()
    assert not missing, "the previous release reads them: keep them for one more release"


@pytest.mark.parametrize("name", PREVIOUS)
def test_a_handler_keeps_its_name(full_plan: Plan, name: str) -> None:
    """The configuration names it and the code has it: they change one after the other."""
    assert full_plan.of("Function")[name].inputs["handler"] == PREVIOUS[name]["handler"]


@pytest.mark.parametrize("name", PREVIOUS)
def test_new_code_starts_in_the_old_environment(full_plan: Plan, name: str) -> None:
    """As it does while the previous release is being deployed again."""
    environment = full_plan.environment(name)
    old = {v: environment[v] for v in PREVIOUS[name]["variables"]}
    finished = subprocess.run(
        [sys.executable, "-c", IMPORT_HANDLER, full_plan.of("Function")[name].inputs["handler"]],
        input=json.dumps({**old, **PROVIDED_BY_LAMBDA}),
        cwd=LAMBDA_SRC,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr


def test_the_record_is_made_of_what_is_read(full_plan: Plan) -> None:
    made = read_by_functions(full_plan)
    assert made.keys() >= PREVIOUS.keys()
    assert made["jwks"]["handler"] == "token_service.handlers.jwks.handler"
    assert set(PREVIOUS["jwks"]["variables"]) <= set(full_plan.environment("jwks"))
