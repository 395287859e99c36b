"""What the log says of a provider's keys that are not used."""

import logging

import pytest

from tests.identity.clock import MovableClock
from tests.identity.key_server import KeyServer
from tests.unit.identity.acme import KEY, OTHER
from token_service.identity.provider_keys import ProviderKeys


@pytest.mark.parametrize(
    ("left_out", "logged"),
    [
        ({**OTHER, "crv": "P-999"}, "acme: the key 'other' is left out: its algorithm is not"),
        ({**OTHER, "x": "AA"}, "acme: the key 'other' is left out: not a valid key"),
        ({**OTHER, "key_ops": ["sign"]}, "acme: the key 'other' is left out: key_ops lacks verify"),
        ({**OTHER, "kid": "k"}, "acme: different keys share the kid 'k'; none of them is used"),
        ({**OTHER, "kid": 5}, "acme: the key 5 is left out: its kid is not a string"),
        ({**OTHER, "issuer": "https://x"}, "acme: the key 'other' is left out: it is for another"),
        ({**OTHER, "kid": "a\r\nb\x1b\u202e", "use": "x"}, r"acme: the key 'a\r\nb\x1b\u202e' is"),
        ({**OTHER, "kid": "x" * 10_000, "use": "x"}, f"acme: the key '{'x' * 79} is left out: use"),
    ],
)
def test_a_key_that_is_left_out_is_logged_once_a_fetch(
    *,
    left_out: dict[str, object],
    logged: str,
    keys: ProviderKeys,
    acme: KeyServer,
    clock: MovableClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    acme.keys = [KEY, left_out, {**OTHER, "kid": "third"}]
    for fetches in (1, 2):
        for _ in range(10):
            assert keys.find("third") is not None
        warnings = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
        assert len(warnings) == fetches
        assert warnings[-1].startswith(logged)
        clock.ahead += 601


def test_a_key_for_encryption_is_nothing_to_warn_of(
    keys: ProviderKeys, acme: KeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    acme.keys = [KEY, {**OTHER, "use": "enc"}]
    with caplog.at_level(logging.INFO):
        assert keys.find("k") is not None
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert record.getMessage() == "acme: the key 'other' is left out: use is not sig"
