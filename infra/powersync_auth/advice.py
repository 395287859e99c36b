"""What a configuration may say and is probably not meant: told as warnings, never refused."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from powersync_auth.bundle import is_local
from powersync_auth.key_room import rotations_in_a_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powersync_auth.settings import Settings

_PLACEHOLDER = re.compile(
    r"//your-(instance|tenant|api|bucket)\b|//([a-z0-9.-]+\.)?example\.(com|org|net)\b"
)
"""Names in this repository's examples, and the domains that are kept for such (RFC 2606)."""


_POWERSYNC_CACHE = 3_600
"""Seconds for which PowerSync may judge by a JWKS that it has fetched."""


def advice(settings: Settings) -> list[str]:
    """One sentence for each thing that should be looked at before users depend on it."""
    of_aws = (*_open_origins(settings), *_short_cache(settings), *_room(settings))
    return [
        *_placeholders(settings),
        *_nobody_gets_a_token(settings),
        *_one_subject_for_two_people(settings),
        *_issuers_that_are_nearly_the_same(settings),
        *_former_keys_that_have_left(settings),
        *(() if is_local() else of_aws),
    ]


def _placeholders(settings: Settings) -> Iterator[str]:
    urls = {"powersyncUrl": settings.powersync_url}
    for index, provider in enumerate(settings.identity_providers):
        urls[f"identityProviders[{index}].issuer"] = str(provider["issuer"])
    for key, url in urls.items():
        if _PLACEHOLDER.search(url):
            # Without the value, which may be marked as secret.
            yield f"{key} is a placeholder from an example: put your own there"


def _open_origins(settings: Settings) -> Iterator[str]:
    for origin in settings.cors_origins:
        if origin.endswith("*"):
            yield (
                f'corsOrigins has "{origin}": the pages of any site may call the API from a'
                " browser; name the origins of your own apps"
            )


def _short_cache(settings: Settings) -> Iterator[str]:
    if settings.verifier_cache_seconds < _POWERSYNC_CACHE:
        yield (
            f"verifierCacheSeconds is {settings.verifier_cache_seconds}: PowerSync caches keys for"
            f" up to {_POWERSYNC_CACHE} s, and an instance that was idle would refuse tokens after"
            " a rotation; less is for another verifier, or for trying things out"
        )


def _room(settings: Settings) -> Iterator[str]:
    timings = settings.timings
    room = rotations_in_a_row(settings.signing_algorithm, timings)
    if room is not None:
        yield (
            f"with signingAlgorithm {settings.signing_algorithm} and tokenLifetimeSeconds"
            f" {settings.token_lifetime_seconds} the JWKS has room for {room} rotations in a row,"
            f" {timings.publish_before_signing} s apart; a further one by hand waits until a key"
            f" has left, {timings.retain_after_signing} s after it ceased to sign. Scheduled"
            " rotations and revocations are not concerned"
        )


def _former_keys_that_have_left(settings: Settings) -> Iterator[str]:
    now = time.time()
    for index, (_, until) in enumerate(settings.former_keys):
        if until <= now:
            yield f"legacyKeys[{index}] is published no more: its time has passed, so take it out"


def _nobody_gets_a_token(settings: Settings) -> Iterator[str]:
    if not (settings.identity_providers or settings.create_user_pool or settings.anonymous.enabled):
        yield (
            "nobody can get a token, for no identity provider is trusted and anonymous tokens are"
            " off: set identityProviders, createUserPool or anonymous.enabled"
        )
    if not settings.powersync_url:
        yield (
            "nobody can get a token, for powersyncUrl is not set: set it to the URL of your"
            " PowerSync instance"
        )


def _one_subject_for_two_people(settings: Settings) -> Iterator[str]:
    """A subject is unique within its issuer only (OpenID Connect Core 1.0, section 5.7)."""
    bare = [
        f"identityProviders[{index}]"
        for index, provider in enumerate(settings.identity_providers)
        if not provider.get("subjectPrefix")
    ]
    if settings.create_user_pool:
        bare.append("the user pool")
    if len(bare) > 1:
        yield (
            f"{' and '.join(bare)} have no subjectPrefix, so two people may get one user id: give"
            " all but one of them a subjectPrefix of its own"
        )


def _issuers_that_are_nearly_the_same(settings: Settings) -> Iterator[str]:
    """An issuer is compared character by character (OpenID Connect Core 1.0, section 3.1.3.7)."""
    by_form: dict[str, list[int]] = {}
    for index, provider in enumerate(settings.identity_providers):
        form = str(provider["issuer"]).casefold().rstrip("/")
        by_form.setdefault(form, []).append(index)
    for indexes in by_form.values():
        if len(indexes) > 1:
            named = " and ".join(f"identityProviders[{index}]" for index in indexes)
            yield (
                f"the issuers of {named} differ by a slash or by case only: tokens have one of"
                " them, character by character; take the others out"
            )
