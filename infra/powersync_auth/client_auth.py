"""What is pasted into PowerSync's configuration."""

from __future__ import annotations

import json


def client_auth(jwks_uri: str, audiences: list[str]) -> str:
    """The `client_auth:` block of PowerSync's `service.yaml`.

    A JSON string is a YAML string, whatever characters it has.
    """
    listed = "".join(f"\n    - {json.dumps(audience)}" for audience in audiences)
    if not listed:
        listed = " []  # set powersyncUrl, and the audience is known"
    return f"client_auth:\n  jwks_uri: {json.dumps(jwks_uri)}\n  audience:{listed}\n"
