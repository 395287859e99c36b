"""How many signing keys the published JWKS has room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from powersync_auth.timings import Timings

JWKS_BYTES = 8_192 - 512
"""What an SSM parameter holds, without what the document has beside its keys."""

PUBLISHED_KEY_BYTES = {
    "ES256": 325,
    "ES384": 367,
    "ES512": 415,
    "EdDSA": 278,
    "RS256": 572,
    "RS384": 742,
    "RS512": 913,
}
"""What a key takes in the published document, with all its times."""


def rotations_in_a_row(algorithm: str, timings: Timings) -> int | None:
    """How many rotations the JWKS has room for at the highest pace; None for any number.

    While a rotation is under way there are the next key, the new one, the current one, and those
    that have ceased to sign since `retain_after_signing`.
    """
    largest = JWKS_BYTES // PUBLISHED_KEY_BYTES[algorithm]
    ceased = timings.retain_after_signing // timings.publish_before_signing
    return None if ceased + 3 <= largest else largest - 2
