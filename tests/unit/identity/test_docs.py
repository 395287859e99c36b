"""`docs/identity.md`: what it shows beside the providers' blocks is right, too."""

import json
import re
import subprocess
from pathlib import Path

import yaml

from settings import Anonymous
from tests.js.verifier import JS, NODE, require_node_modules
from tests.patience import PATIENT
from tests.unit.identity.test_provider_settings import IDENTITY_MD

TEXT = IDENTITY_MD.read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_anonymous_block_can_be_configured() -> None:
    (block,) = (text for text in blocks("yaml") if "powersync-auth:anonymous" in text)
    configured = yaml.safe_load(block)["config"]["powersync-auth:anonymous"]
    assert Anonymous.model_validate(configured).model_dump(by_alias=True) == configured


def test_the_connector_is_used_as_it_is_typed(tmp_path: Path) -> None:
    require_node_modules()
    (usage,) = blocks("ts")
    connector = IDENTITY_MD.parent / "clients" / "connector.ts"
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
    run = subprocess.run(
        [str(NODE), str(JS / "node_modules" / "typescript" / "bin" / "tsc"), "-p", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=PATIENT,
        check=False,
    )
    assert run.returncode == 0, run.stdout


def test_links_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        if target.startswith("#"):
            assert target[1:] in headings
        else:
            assert (IDENTITY_MD.parent / target).is_file()
