"""Entry point of the `auth` function."""
# ruff: noqa: E402 - the collector is off before anything is imported

import gc

gc.disable()  # It would find nothing among modules, and take a tenth of a cold start for it.

import os
import time

from token_service import settings
from token_service.aws.steady_clock import SteadyClock
from token_service.endpoints.api import signed_in_app
from token_service.handlers.wiring import lambda_handler, token_service
from token_service.identity.providers import IdentityProviders

_service = token_service(os.environ, "per-device")
_providers = IdentityProviders.from_settings(
    settings.identity_providers(os.environ),
    own_issuer=_service.issuer.issuer,
    clock=time.time,
    ages=SteadyClock(),
    allow_nearby_http=settings.allow_nearby_http(os.environ),
)

handler = lambda_handler(signed_in_app(_service, _providers), settings.path_prefix(os.environ))

gc.freeze()  # What is there by now stays; later collections need not look through it.
gc.enable()
