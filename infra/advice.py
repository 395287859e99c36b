"""What a configuration may say and is probably not meant: told as warnings, never refused."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from bundle import LOCAL, TARGET_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings import Settings

_PLACEHOLDER = re.compile(
    r"//your-(instance|tenant|api|bucket)\b|//([a-z0-9.-]+\.)?example\.(com|org|net)\b"
)
"""Names in this repository's examples, and the domains that are kept for such (RFC 2606)."""


def advice(settings: Settings) -> list[str]:
    """One sentence for each thing that should be looked at before users depend on it."""
    in_aws = os.environ.get(TARGET_VARIABLE) != LOCAL.name
    return [*_placeholders(settings), *(_open_origins(settings) if in_aws else ())]


def _placeholders(settings: Settings) -> Iterator[str]:
    urls = {"powersyncUrl": settings.powersync_url}
    for index, provider in enumerate(settings.identity_providers):
        urls[f"identityProviders[{index}].issuer"] = str(provider["issuer"])
    for key, url in urls.items():
        if _PLACEHOLDER.search(url):
            # Without the value, which may be marked as secret.
            yield f"{key} is a placeholder from an example: put your own there"


def _open_origins(settings: Settings) -> Iterator[str]:
    if "*" in settings.cors_origins:
        yield (
            'corsOrigins has "*": the pages of any site may call the API from a browser; name the'
            " origins of your own apps"
        )
