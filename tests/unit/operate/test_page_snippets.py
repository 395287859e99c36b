"""What the page gives to be copied."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from operate.page.snippets import connector_use, snippets

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ROOT / "tests/js/node_modules"
DECLARED = """
declare const yourLogin: { idToken(how: { force: boolean }): Promise<string>; show(): void };
declare const yourBackend: { upload(database: unknown): Promise<void> };
declare const db: import('@powersync/common').AbstractPowerSyncDatabase;
await db.connect(connector);
"""

BOTH: dict[str, Any] = {
    "jwks_uri": "http://127.0.0.1:4566/.well-known/jwks.json",
    "token_url": "http://127.0.0.1:4566/token",
    "anonymous_token_url": "http://127.0.0.1:4566/token/anonymous",
    "powersync_client_auth": "client_auth:\n",
    "local": {"username": "", "password": "", "client_id": ""},
}
SIGNED_IN_ONLY = {name: value for name, value in BOTH.items() if "anonymous" not in name}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder beside the SDK's packages, with the connector as an app has it."""
    made = PACKAGES / ".page" / tmp_path.name
    made.mkdir(parents=True)
    shutil.copy(ROOT / "docs/clients/connector.ts", made)
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize("outputs", [BOTH, SIGNED_IN_ONLY])
def test_the_connector_compiles_as_it_is_copied(outputs: dict[str, Any], folder: Path) -> None:
    text = connector_use(outputs)
    assert ("anonymousTokenUrl" in text) is ("anonymous_token_url" in outputs)
    (folder / "app.ts").write_text(text + DECLARED)
    compiled = subprocess.run(
        [
            str(PACKAGES / ".bin/tsc"),
            *("--noEmit", "--strict", "--skipLibCheck", "--ignoreConfig"),
            *("--module", "esnext", "--moduleResolution", "bundler"),
            *("--target", "es2024", "--lib", "es2024,dom"),
            str(folder / "app.ts"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert compiled.returncode == 0, compiled.stdout


def test_there_is_no_sign_in_to_copy_where_no_user_is() -> None:
    titles = [snippet.title for snippet in snippets(SIGNED_IN_ONLY)]
    assert "The public keys" in titles
    assert not [title for title in titles if "Sign" in title or "anonymous" in title]
