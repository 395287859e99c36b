"""What the rotate function's handler is made of."""

import importlib
import json
import sys

import pytest

ENVIRONMENT = {
    "KEYRING_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ring-AbCdEf",
    "JWKS_PARAMETER": "/jwks",
    "SIGNING_ALGORITHM": "ES256",
    "PUBLISH_BEFORE_SIGNING_SECONDS": "3780",
    "RETAIN_AFTER_SIGNING_SECONDS": "4020",
    "ANONYMOUS_REMEMBER_SECONDS": "0",
    "VERIFIER_CACHE_SECONDS": "3600",
    "JWKS_MAX_AGE_SECONDS": "120",
    "ROTATION_DAYS": "90",
    "LEGACY_KEYS": json.dumps([{"kid": "former", "alg": "RS256", "until": 1_900_000_000}]),
}


def test_it_can_revoke_the_keys_of_former_signers_that_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "token_service.handlers.rotate", raising=False)
    module = importlib.import_module("token_service.handlers.rotate")
    assert module._rotation.publisher.legacy == {"former"}
