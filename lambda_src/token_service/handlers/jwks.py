"""Entry point of the `jwks` function."""
# ruff: noqa: E402 - the collector is off before anything is imported

import gc

gc.disable()  # As in `auth`.

import os

from token_service.aws.steady_clock import SteadyClock
from token_service.endpoints.jwks import JwksEndpoint
from token_service.keys.publication_store import PublicationStore
from token_service.keys.seal import SealedReader
from token_service.keys.seal_key import SealKey
from token_service.settings import JwksSettings

_settings = JwksSettings.from_environment(os.environ)
# PowerSync waits 3 s at most, for both of them and for a cold start.
_store = PublicationStore.connect(_settings.parameter, time_limit=1.1, attempts=2)
_open_seal = None
if _settings.seal_key_arn is not None:
    _seal_key = SealKey.connect(
        _settings.seal_key_arn, _settings.parameter, time_limit=1.1, attempts=2
    )
    _open_seal = _seal_key.open

handler = JwksEndpoint(_settings, SealedReader(_store.read, _open_seal), SteadyClock())

gc.freeze()
gc.enable()
