"""The documented TypeScript connector: its types. What it does is in `connector.test.mjs`.

And what all connectors have in common.
"""

import json
import re
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


TESTS = {
    "TypeScript": (JS / "connector.test.mjs", r"^ *(?:test\(|const name = )['`]({}),? "),
    "Kotlin": (ROOT / "tests/kotlin/src/TokenConnectorTest.kt", r"^ *fun `({}),? "),
}


@pytest.mark.parametrize("language", TESTS)
@pytest.mark.parametrize(
    "case",
    ["refused", "throttled", "offline", "signed out", "anonymous upgrade", "two calls at once"],
)
def test_every_case_is_a_test_of_every_language_that_is_compiled(case: str, language: str) -> None:
    documented = (ROOT / "docs/clients/README.md").read_text()
    assert re.search(rf"^\| {case}[ (|]", documented, re.MULTILINE)
    file, pattern = TESTS[language]
    assert re.search(pattern.format(case), file.read_text(), re.MULTILINE)


def test_what_no_test_compiles_says_so_at_its_top() -> None:
    compiled = {"connector.ts", "TokenConnector.kt"}
    for connector in (ROOT / "docs/clients").iterdir():
        if connector.suffix != ".md":
            head = connector.read_text()[:500]
            assert ("NOT COMPILED" in head) == (connector.name not in compiled), connector


def test_all_connectors_wait_alike() -> None:
    """Seconds: the first wait, the longest, offline, by Retry-After, and for an answer."""
    connectors = sorted(file for file in (ROOT / "docs/clients").iterdir() if file.suffix != ".md")
    for connector in connectors:
        text = re.sub(r"[_']", "", connector.read_text()).lower()
        for name, value in [
            ("firstwait", "5"),
            ("longestwait", "300"),
            ("longestofflinewait", "60"),
            ("longestretryafter", "3600"),
            ("timeout", "15(?:000)?"),
        ]:
            assert re.search(rf"\b{name}(?:s|ms)?\b[^=\n]*=\D*{value}\b", text), (connector, name)
