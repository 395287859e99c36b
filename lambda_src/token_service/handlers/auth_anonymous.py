"""Entry point of the `auth-anonymous` function."""

import os

from mangum import Mangum

from token_service import settings
from token_service.api import anonymous_app
from token_service.handlers.wiring import token_service

_service = token_service(os.environ, settings.anonymous_subject(os.environ))

handler = Mangum(anonymous_app(_service), lifespan="off")
