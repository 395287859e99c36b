"""What of this stack is to be copied elsewhere: into PowerSync, an app, a terminal."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.outputs import commands
from operate.stacks import ROOT

_CONNECTOR = ROOT / "docs" / "clients" / "connector.ts"


@dataclass(frozen=True, slots=True)
class Snippet:
    """Text to copy.

    Attributes:
        group: Whom it is for.
        title: What it does.
        text: As it is copied.
        note: What else there is to know.
        long: Whether it is shown only when asked for.
    """

    group: str
    title: str
    text: str
    note: str = ""
    long: bool = False


def snippets(outputs: Mapping[str, Any]) -> list[Snippet]:
    """Everything that can be copied of a stack with these outputs."""
    return [
        Snippet(
            "PowerSync",
            "client_auth of service.yaml",
            str(outputs["powersync_client_auth"]).strip(),
            "In Docker your machine is host.docker.internal: docs/develop.md has the whole file.",
        ),
        Snippet(
            "Your app",
            "The connector, with this stack's URLs",
            connector_use(outputs),
            "For TypeScript; docs/clients/connector.dart takes the same URLs.",
        ),
        Snippet(
            "Your app",
            "connector.ts, which it imports",
            _CONNECTOR.read_text("utf-8").strip(),
            long=True,
        ),
        *(Snippet("A terminal", each.title, "\n".join(each.lines)) for each in commands(outputs)),
    ]


def connector_use(outputs: Mapping[str, Any]) -> str:
    """How an app makes the connector for this stack, in TypeScript."""
    urls = {
        "tokenUrl": outputs.get("token_url"),
        "anonymousTokenUrl": outputs.get("anonymous_token_url"),
    }
    given = [f"  {name}: {json.dumps(url)}," for name, url in urls.items() if url]
    return "\n".join(
        [
            "import { TokenConnector } from './connector';",
            "",
            "const connector = new TokenConnector({",
            *given,
            "  credential: async ({ refresh }) => yourLogin.idToken({ force: refresh }),",
            "  storage: localStorage, // AsyncStorage in React Native",
            "  onSignedOut: () => yourLogin.show(),",
            "  uploadData: async (database) => yourBackend.upload(database),",
            "});",
        ]
    )
