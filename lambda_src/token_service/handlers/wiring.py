"""What both token functions are made of."""

import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from fastapi import FastAPI
from mangum import Mangum
from mangum.handlers import HTTPGateway

from token_service.anonymous import AnonymousSubjects
from token_service.api import TokenService
from token_service.ring_cache import RingCache
from token_service.settings import TokenSettings
from token_service.stores import KeyRingStore
from token_service.tokens import TokenIssuer


def token_service(environment: Mapping[str, str], anonymous_mode: str) -> TokenService:
    """The service as the function's environment describes it."""
    settings = TokenSettings.from_environment(environment)
    # A client waits for this read: two quick attempts, then 503 and its own retry.
    store = KeyRingStore.connect(settings.secret_arn, timeout=1.5, attempts=2)
    return TokenService(
        issuer=TokenIssuer(settings.issuer, settings.audiences, settings.token_lifetime_seconds),
        powersync_url=settings.powersync_url,
        rings=RingCache(
            store.read,
            time.time,
            refresh_after=settings.keyring_cache_seconds,
            max_age=settings.keyring_max_age_seconds,
        ),
        anonymous=AnonymousSubjects(
            mode=anonymous_mode,
            remember_seconds=settings.anonymous_remember_seconds,
            clock=time.time,
        ),
        clock=time.time,
    )


class _Gateway(HTTPGateway):
    """API Gateway's payload 2.0, the one kind of event there is here.

    Mangum would try each kind of event, and work out the request's scope twice.
    """

    @cached_property
    def scope(self) -> Any:
        """The ASGI scope of the request."""
        return super().scope


def lambda_handler(app: FastAPI) -> Mangum:
    """The app as a Lambda handler."""
    return Mangum(app, lifespan="off", custom_handlers=[_Gateway])
