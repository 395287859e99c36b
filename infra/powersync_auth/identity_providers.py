"""The setting `identityProviders`: whose users get tokens.

What a provider may be is said in the token service, which decides by it who gets in; the program
asks there, so that a mistake is found at preview. No other module of the token service is imported
by the program, and these bring no packages with them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from powersync_auth.bundle import is_local

sys.path.append(str(Path(__file__).resolve().parents[2] / "lambda_src"))

from token_service.identity.provider_settings import read_providers
from token_service.identity.settings_reader import InvalidProviderError
from token_service.identity.urls import check_url, is_nearby

if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = ["InvalidProviderError", "check_providers", "is_nearby", "plain_url"]

_CHOSEN_BY_USERS = {
    *("email", "name", "nickname", "phone_number", "preferred_username", "upn", "unique_name"),
    *("cognito:username", "username"),
}
"""Claims that OpenID Connect Core 1.0, section 5.7, or the provider itself lets users change."""

_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


def check_providers(providers: Sequence[Any], own_issuer: str | None) -> None:
    """Checks the setting as the token function will.

    Plain http is for a provider beside the local stack only: in AWS the function would refuse it at
    its start.

    Args:
        providers: The items as configured.
        own_issuer: The issuer of our own tokens, where it is known before the deployment.

    Raises:
        InvalidProviderError: Lists what each key should be.
    """
    read_providers(
        providers,
        own_issuer=own_issuer,
        allow_nearby_http=is_local(),
    )
    _refuse_to_mix_chosen_subjects(providers)


def _refuse_to_mix_chosen_subjects(providers: Sequence[Any]) -> None:
    """Whoever may choose a subject at one provider could choose somebody's at another."""
    chosen = [
        index
        for index, provider in enumerate(providers)
        if provider.get("subjectClaim") in _CHOSEN_BY_USERS and not provider.get("subjectPrefix")
    ]
    if len(chosen) > 1:
        others = " and ".join(f"identityProviders[{index}]" for index in chosen[:-1])
        message = (
            f"should be given: users choose their subjectClaim here and in {others}, so one could"
            " become another; or take a claim that no user can change, such as sub"
        )
        raise InvalidProviderError([(f"[{chosen[-1]}].subjectPrefix", message)])


def plain_url(value: str) -> str:
    """Checks a URL without user, query and fragment: https, or http for this machine.

    For the local stack http may also lead to what is near, such as a container or a phone.

    Raises:
        ValueError: Says what it should be.
    """
    url = check_url(value, allow_nearby_http=True, allow_query=False)
    parts = urlsplit(url)
    if parts.scheme == "http" and not (is_local() or parts.hostname in _THIS_MACHINE):
        raise ValueError("should be an https:// URL")
    return url
