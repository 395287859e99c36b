"""How long the parties remember what they have read, and when keys rotate."""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86_400
"""Seconds."""

ROTATION_WINDOW_HOURS = 1
"""A scheduled rotation comes within so many hours after midnight UTC, so two may be as much closer
together than their days. AWS's default is the whole day, its least an hour (RotationRulesType)."""


@dataclass(frozen=True)
class Timings:
    """How long the parties remember what they have read, in seconds.

    Attributes:
        jwks_cache: The JWKS function serves what it read for as long without asking again.
        jwks_max_age: Past it, with the parameter out of reach, it stops answering.
        keyring_cache: A token function signs with the ring it read for as long.
        keyring_max_age: Past it, with the secret out of reach, it stops signing.
        margin: Clocks that differ, functions under way.
        publish_before_signing: A key has been published for as long before it signs.
        retain_after_signing: A key stays published for as long after it stopped signing.
    """

    jwks_cache: int
    jwks_max_age: int
    keyring_cache: int
    keyring_max_age: int
    margin: int
    publish_before_signing: int
    retain_after_signing: int

    @classmethod
    def derive(cls, verifier_cache: int, token_lifetime: int) -> Timings:
        """Derives all from the longest cache of a verifier and the lifetime of a token."""
        jwks_cache = min(60, verifier_cache)
        keyring_cache = min(300, verifier_cache)
        margin = min(60, verifier_cache)
        jwks_max_age = 2 * jwks_cache
        keyring_max_age = 12 * keyring_cache
        powersync_clock_tolerance = 60
        return cls(
            jwks_cache=jwks_cache,
            jwks_max_age=jwks_max_age,
            keyring_cache=keyring_cache,
            keyring_max_age=keyring_max_age,
            margin=margin,
            publish_before_signing=verifier_cache + jwks_max_age + margin,
            retain_after_signing=(
                keyring_max_age + token_lifetime + powersync_clock_tolerance + margin
            ),
        )
