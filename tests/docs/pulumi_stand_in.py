"""Stands in for the Pulumi CLI, which cannot run here: it needs an account and downloads plugins.

It takes the commands that the README shows. `config set` collects the configuration, `up` runs
the real program with it and records the plan, `destroy` refuses while what `up` has made is
protected, and `stack output` answers with the outputs of a running local stack. What the real CLI
does beyond that is not shown by these tests.

State is a JSON file named by PULUMI_STAND_IN_STATE; PULUMI_STAND_IN_OUTPUTS names the outputs.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from tests.infra.plan import Plan, record

STATE = Path(os.environ["PULUMI_STAND_IN_STATE"])
OUTPUTS = Path(os.environ["PULUMI_STAND_IN_OUTPUTS"])


def main(arguments: list[str]) -> None:
    state: dict[str, Any] = json.loads(STATE.read_text()) if STATE.exists() else {"config": {}}
    match arguments:
        case ["install"]:
            pass
        case ["stack", "init", name]:
            state["stack"] = name
        case ["config", "set", "--path", path, value]:
            set_at(state["config"], path, value)
        case ["config", "set", key, value]:
            state["config"][key] = value
        case ["up", "--stack", name, *yes] if name == state.get("stack"):
            if yes != ["--yes"] and not (sys.stdin.isatty() and sys.stdout.isatty()):
                sys.exit("error: --yes must be passed in to proceed in non-interactive mode")
            plan = planned(state["config"])
            state["up"] = {
                "outputs": sorted(plan.outputs),
                "protected": sorted(r.name for r in plan.resources if r.protect),
            }
        case ["destroy", "--stack", name] if name == state.get("stack"):
            if protected := state.pop("up")["protected"]:
                sys.exit(f"protected: {', '.join(protected)}")
        case ["stack", "output", "--json", *_]:
            print(OUTPUTS.read_text())
        case ["stack", "output", name]:
            print(json.loads(OUTPUTS.read_text())[name])
        case _:
            sys.exit(f"the stand-in does not know: pulumi {' '.join(arguments)}")
    STATE.write_text(json.dumps(state))


def set_at(config: dict[str, Any], path: str, value: str) -> None:
    """Set a value inside objects and lists, as `pulumi config set --path` does."""
    *parents, last = [int(p) if p.isdecimal() else p for p in re.findall(r"[^.\[\]]+", path)]
    steps = [*parents, last]
    container: Any = config
    for step, following in zip(parents, steps[1:], strict=True):
        container = enter(container, step, [] if isinstance(following, int) else {})
    enter(container, last, value)
    if isinstance(container, dict):
        container[last] = value


def enter(container: Any, step: int | str, default: object) -> Any:
    """The element at `step`, made if it is not there."""
    if isinstance(container, list):
        if step == len(container):
            container.append(default)
        return container[int(step)]
    return container.setdefault(step, default)


def planned(config: dict[str, Any]) -> Plan:
    """What the real program asks for under this configuration."""
    return record(**{key: value for key, value in config.items() if ":" not in key})


if __name__ == "__main__":
    main(sys.argv[1:])
