"""The documented TypeScript connector: its types. What it does is in `connector.test.mjs`."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.docs.snippets import ROOT, fenced
from tests.js.verifier import JS, NODE, require_node_modules
from tests.patience import PATIENT


def tsc(project: Path) -> subprocess.CompletedProcess[str]:
    require_node_modules()
    return subprocess.run(
        [str(NODE), str(JS / "node_modules" / "typescript" / "bin" / "tsc"), "-p", str(project)],
        capture_output=True,
        text=True,
        timeout=PATIENT,
        check=False,
    )


@pytest.mark.parametrize("config", ["tsconfig.json", "tsconfig.react-native.json"])
def test_the_connector_fits_the_sdks_types(config: str) -> None:
    run = tsc(JS / config)
    assert run.returncode == 0, run.stdout


def test_the_connector_is_used_as_it_is_typed(tmp_path: Path) -> None:
    (usage,) = fenced("docs/clients/README.md", "ts")
    connector = ROOT / "docs" / "clients" / "connector.ts"
    declarations = f"""
import {{ TokenConnector }} from {json.dumps(str(connector))};
declare const yourLogin: {{
  accessToken(options: {{ force: boolean }}): Promise<string | null>;
  show(): void;
}};
declare const yourBackend: {{ upload(database: object): Promise<void> }};
"""
    program = tmp_path / "usage.ts"
    program.write_text(declarations + usage)
    config = {
        "extends": str(JS / "tsconfig.json"),
        "compilerOptions": {
            "typeRoots": [str(JS / "node_modules" / "@types")],
            "allowImportingTsExtensions": True,
        },
        "files": [str(program)],
    }
    (tmp_path / "tsconfig.json").write_text(json.dumps(config))
    run = tsc(tmp_path)
    assert run.returncode == 0, run.stdout
