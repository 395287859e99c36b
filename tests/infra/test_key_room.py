"""Room for keys, and what preview says of them."""

import json
from itertools import product

import pytest

from powersync_auth.advice import advice
from powersync_auth.bundle import LOCAL, TARGET_VARIABLE
from powersync_auth.key_room import JWKS_BYTES, PUBLISHED_KEY_BYTES, rotations_in_a_row
from powersync_auth.settings import Settings
from powersync_auth.timings import Timings
from token_service.keys import publication
from token_service.keys.key_generation import generate_signing_key
from token_service.keys.signer import ALGORITHMS


def advised(**values: object) -> list[str]:
    """What is said of a stack whose users get tokens."""
    usual = {"powersyncUrl": "https://x.journeyapps.com", "createUserPool": True}
    return advice(Settings.model_validate(usual | values))


def test_nothing_is_said_of_the_defaults() -> None:
    assert advised() == []


def test_a_cache_shorter_than_powersyncs_is_for_other_verifiers() -> None:
    (told,) = advised(verifierCacheSeconds=3599)
    assert told.startswith("verifierCacheSeconds is 3599: PowerSync caches keys for up to 3600 s")


def test_a_short_cache_is_nothing_to_warn_of_on_a_local_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(TARGET_VARIABLE, LOCAL.name)
    assert advised(verifierCacheSeconds=1) == []


def test_settings_that_the_jwks_has_no_room_for_at_the_highest_pace_say_how_often() -> None:
    (told,) = advised(signingAlgorithm="RS512", tokenLifetimeSeconds=86400)
    assert "room for 6 rotations in a row, 3780 s apart" in told


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_size_of_a_published_key_is_that_of_the_token_service(algorithm: str) -> None:
    key = generate_signing_key(algorithm, 0)
    largest = JWKS_BYTES // PUBLISHED_KEY_BYTES[algorithm]
    assert publication.fits([key.published_jwk] * largest)
    assert not publication.fits([key.published_jwk] * (largest + 1))


@pytest.mark.parametrize(
    ("verifier_cache", "lifetime"), [*product((1, 30, 300, 3600, 86400), (60, 300, 86400))]
)
def test_the_scheduled_rotations_always_have_room(verifier_cache: int, lifetime: int) -> None:
    """So that no settings have to be refused: the shortest schedule is a day less an hour."""
    timings = Timings.derive(verifier_cache, lifetime)
    pace = max(timings.publish_before_signing, 82_800)
    for size in PUBLISHED_KEY_BYTES.values():
        assert timings.retain_after_signing // pace + 4 <= JWKS_BYTES // size


def test_advice_names_keys_of_the_configuration() -> None:
    named = json.dumps(sorted(str(field.alias) for field in Settings.model_fields.values()))
    for key in ("verifierCacheSeconds", "signingAlgorithm", "tokenLifetimeSeconds"):
        assert key in named
    assert rotations_in_a_row("ES256", Timings.derive(1, 60)) is not None
