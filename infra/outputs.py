"""What the stack tells its user."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pulumi

from functions import ANONYMOUS_PATH, JWKS_PATH, TOKEN_PATH

if TYPE_CHECKING:
    from functions import Functions
    from http_api import HttpApi
    from settings import Settings
    from signing_keys import SigningKeys
    from user_pool import UserPool


def export_outputs(
    settings: Settings,
    keys: SigningKeys,
    api: HttpApi,
    functions: Functions,
    user_pool: UserPool | None,
) -> None:
    """Exports the stack's outputs; one that does not apply to the settings is left out."""
    jwks_uri = pulumi.Output.concat(api.issuer, JWKS_PATH)
    pulumi.export("jwks_uri", jwks_uri)
    pulumi.export("token_url", pulumi.Output.concat(api.issuer, TOKEN_PATH))
    if functions.auth_anonymous is not None:
        pulumi.export("anonymous_token_url", pulumi.Output.concat(api.issuer, ANONYMOUS_PATH))
    pulumi.export("issuer", api.issuer)
    pulumi.export("audience", settings.token_audiences)
    pulumi.export(
        "powersync_client_auth",
        jwks_uri.apply(lambda uri: client_auth(uri, settings.token_audiences)),
    )
    pulumi.export("signing_secret_arn", keys.secret.arn)
    # For the operators' commands: make keys, make rotate, make revoke.
    pulumi.export("rotate_function_name", functions.rotate.name)
    pulumi.export("jwks_parameter", keys.parameter.name)
    if user_pool is not None:
        pulumi.export("user_pool_id", user_pool.pool.id)
        pulumi.export("user_pool_client_id", user_pool.client.id)
    if api.domain is not None:
        configuration = api.domain.domain_name_configuration
        pulumi.export("custom_domain_target", configuration.target_domain_name)
        pulumi.export("custom_domain_hosted_zone_id", configuration.hosted_zone_id)


def client_auth(jwks_uri: str, audiences: list[str]) -> str:
    """The `client_auth:` block of PowerSync's `service.yaml`.

    A JSON string is a YAML string, whatever characters it has.
    """
    listed = "".join(f"\n    - {json.dumps(audience)}" for audience in audiences)
    if not listed:
        listed = " []  # set powersyncUrl, and the audience is known"
    return f"client_auth:\n  jwks_uri: {json.dumps(jwks_uri)}\n  audience:{listed}\n"
