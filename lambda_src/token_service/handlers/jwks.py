"""Entry point of the `jwks` function."""

import os

from token_service.aws.steady_clock import SteadyClock
from token_service.endpoints.jwks import JwksEndpoint
from token_service.keys.stores import PublicationStore
from token_service.settings import JwksSettings

_settings = JwksSettings.from_environment(os.environ)
# PowerSync waits 3 s at most.
_store = PublicationStore.connect(_settings.parameter, time_limit=1.4, attempts=2)

handler = JwksEndpoint(_settings, _store.read_document, SteadyClock())
