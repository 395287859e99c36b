"""docs/migration.md: what it shows can be configured here, and in PowerSync."""

import json
import subprocess
from typing import Any

import pytest
import yaml

from tests.docs.snippets import fenced
from tests.infra.configured import load
from tests.js.verifier import JS, NODE, require_node_modules

DOCUMENT = "docs/migration.md"
BLOCKS = fenced(DOCUMENT, "yaml")
SERVICES = [text for text in BLOCKS if text.startswith("# service.yaml\n")]


def test_the_former_key_can_be_configured() -> None:
    (block,) = (text for text in BLOCKS if "legacyKeys" in text)
    items: list[dict[str, Any]] = yaml.safe_load(block)["config"]["powersync-auth:legacyKeys"]
    ((jwk, until),) = load(legacyKeys=items).former_keys
    assert jwk == {**items[0]["jwk"], "use": "sig"}
    assert until == 1_801_440_000


@pytest.mark.parametrize("text", SERVICES, ids=range(len(SERVICES)))
def test_powersyncs_schema_takes_each_client_auth(text: str) -> None:
    require_node_modules()
    service = {
        "replication": {"connections": [{"type": "postgresql", "uri": "postgresql://x/app"}]},
        "storage": {"type": "postgresql", "uri": "postgresql://x/storage"},
        **yaml.safe_load(text.replace("!env ", "")),  # PowerSync's tag for an environment variable
    }
    checked = subprocess.run(
        [str(NODE), str(JS / "service_config.mjs")],
        input=yaml.safe_dump(service),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(checked.stdout)["errors"] == []
