"""PowerSync authentication on AWS, from its settings to its outputs."""

from alarms import Alarms
from configuration import load_settings
from functions import make_functions
from http_api import HttpApi, Routes
from naming import tag_everything
from outputs import export_outputs
from roles import make_roles
from rotation import Rotation
from signing_keys import SigningKeys
from user_pool import UserPool

settings = load_settings()
tag_everything()

roles = make_roles(settings)
keys = SigningKeys("signing-keys", settings, roles)
api = HttpApi("http-api", settings)
user_pool = UserPool("user-pool", settings) if settings.create_user_pool else None
functions = make_functions(
    settings,
    roles,
    keys,
    issuer=api.issuer,
    jwks_reached=api.reached_before_dns,
    user_pool_provider=user_pool.provider if user_pool else None,
)
routes = Routes("routes", settings, api, functions)
rotation = Rotation("rotation", settings, keys=keys, functions=functions, api=api, routes=routes)
Alarms("alarms", settings, functions, api, rotation=rotation)
export_outputs(settings, keys, api, functions, user_pool)
