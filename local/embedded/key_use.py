"""What MiniStack leaves out when it asks a key's policy: the encryption context of the call.

Without it no condition on `kms:EncryptionContext:…` is ever true there. The function here wraps one
of MiniStack's, whose version is pinned; `tests/local/test_seal.py` shows that what it adds is
looked at.
https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
"""

from __future__ import annotations

import functools
import json
from typing import Any


def complete(iam_actions: Any) -> None:
    """Has conditions on encryption contexts mean what they mean in AWS, in MiniStack's module."""
    context = iam_actions.request_tag_context

    @functools.wraps(context)
    def wrapped(service: str, action: str, body: bytes, parameters: Any) -> dict[str, Any]:
        found: dict[str, Any] = context(service, action, body, parameters)
        return {**found, **encryption_context(body)} if service == "kms" else found

    iam_actions.request_tag_context = wrapped


def encryption_context(body: bytes) -> dict[str, str]:
    """The condition keys that a call of KMS has by its encryption context."""
    try:
        pairs = json.loads(body)["EncryptionContext"]
        return {f"kms:EncryptionContext:{name}": str(value) for name, value in pairs.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
