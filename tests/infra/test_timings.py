"""What follows from how long a verifier caches keys and a token lives."""

import pulumi
import pytest

from powersync_auth.timings import Timings
from tests.infra.configured import load


def test_timings_with_the_defaults() -> None:
    assert load().timings == Timings(
        jwks_cache=60,
        jwks_max_age=120,
        keyring_cache=300,
        keyring_max_age=3_600,
        margin=60,
        publish_before_signing=3_600 + 120 + 60,
        retain_after_signing=3_600 + 300 + 60 + 60,
    )


def test_timings_shrink_with_the_verifiers_cache() -> None:
    timings = load(verifierCacheSeconds=4).timings
    assert timings.publish_before_signing == 4 + 8 + 4
    assert timings.retain_after_signing == 48 + 300 + 60 + 4


def test_two_scheduled_rotations_are_never_too_close_for_the_second_one() -> None:
    """The earlier one may come when its window closes, the next one when its window opens."""
    apart = 86_400 - 3_600
    longest_cache = apart - 120 - 60
    assert load(verifierCacheSeconds=longest_cache).timings.publish_before_signing == apart
    load(rotationDays=1, verifierCacheSeconds=longest_cache)
    with pytest.raises(pulumi.RunError, match=r"rotationDays: should be at least 2: .* 82801 s"):
        load(rotationDays=1, verifierCacheSeconds=longest_cache + 1)
    load(rotationDays=2, verifierCacheSeconds=86_400)


@pytest.mark.parametrize("verifier_cache", [1, 59, 60, 299, 300, 3_600, 86_400])
@pytest.mark.parametrize("lifetime", [60, 300, 86_400])
def test_a_key_is_seen_before_it_signs_and_kept_while_its_tokens_live(
    verifier_cache: int, lifetime: int
) -> None:
    timings = Timings.derive(verifier_cache, lifetime)
    assert timings.jwks_cache <= timings.jwks_max_age
    assert timings.publish_before_signing > verifier_cache + timings.jwks_max_age
    assert timings.retain_after_signing > timings.keyring_max_age + lifetime + 60
