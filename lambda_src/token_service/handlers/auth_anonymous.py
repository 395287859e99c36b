"""Entry point of the `auth-anonymous` function."""
# ruff: noqa: E402 - the collector is off before anything is imported

import gc

gc.disable()  # As in `auth`: a tenth of a cold start.

import os

from token_service import settings
from token_service.endpoints.api import anonymous_app
from token_service.handlers.wiring import lambda_handler, token_service

_service = token_service(os.environ, settings.anonymous_subject(os.environ))

handler = lambda_handler(anonymous_app(_service), settings.path_prefix(os.environ))

gc.freeze()
gc.enable()
