"""The whole of it as one component, for this repository's program and for yours.

Pulumi's schema of it is made from the annotations and docstrings here and in `args.py`, while it
runs: hence no `from __future__ import annotations`.
"""

from typing import Any

import pulumi

from powersync_auth.advice import advice
from powersync_auth.alarms import Alarms
from powersync_auth.args import PowerSyncAuthArgs
from powersync_auth.client_auth import client_auth
from powersync_auth.functions import make_functions
from powersync_auth.http_api import HttpApi
from powersync_auth.inputs import settle
from powersync_auth.naming import Names, add_tags
from powersync_auth.paths import ANONYMOUS_PATH, JWKS_PATH, TOKEN_PATH
from powersync_auth.roles import make_roles
from powersync_auth.rotation import Rotation
from powersync_auth.routes import Routes
from powersync_auth.settings import Settings
from powersync_auth.signing_keys import SigningKeys
from powersync_auth.user_pool import UserPool


class PowerSyncAuth(pulumi.ComponentResource):
    """A JWKS URI and user tokens for PowerSync, with signing keys that rotate by themselves."""

    jwks_uri: pulumi.Output[str]
    """What PowerSync wants: where the public keys are."""
    token_url: pulumi.Output[str]
    """Where a user's login token is turned into a PowerSync token."""
    anonymous_token_url: pulumi.Output[str] | None
    """Where anybody gets a PowerSync token, with anonymous.enabled."""
    issuer: pulumi.Output[str]
    """The iss of the tokens."""
    audience: pulumi.Output[list[str]]
    """The aud of the tokens."""
    powersync_client_auth: pulumi.Output[str]
    """The block client_auth of PowerSync's service.yaml."""
    signing_secret_arn: pulumi.Output[str]
    """The secret with the key ring."""
    rotate_function_name: pulumi.Output[str]
    """The function that rotates, for operators' commands."""
    jwks_parameter: pulumi.Output[str]
    """The parameter with the published JWKS, for operators' commands."""
    user_pool_id: pulumi.Output[str] | None
    """The user pool, with createUserPool."""
    user_pool_client_id: pulumi.Output[str] | None
    """Its client for apps, with createUserPool."""
    custom_domain_target: pulumi.Output[str] | None
    """What the DNS record of customDomain leads to."""
    custom_domain_hosted_zone_id: pulumi.Output[str] | None
    """The hosted zone of what it leads to, for an alias record."""

    def __init__(
        self,
        name: str,
        args: PowerSyncAuthArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Makes it.

        Args:
            name: Its name, with which those of its resources begin.
            args: Its settings.
            opts: Its place in the program, its provider, and so on.

        Raises:
            InvalidInputsError: Lists what is wrong with the settings. Nothing has been made.
        """
        names = Names(name)
        settings = settle(args, names, elsewhere=_has_provider(opts))
        super().__init__(
            "powersync-auth:index:PowerSyncAuth",
            name,
            None,
            pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(transformations=[add_tags])),
        )
        settings.told(_warn)
        # The parts were the program's own before there was a component.
        part = pulumi.ResourceOptions(
            parent=self, aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)]
        )

        roles = make_roles(settings, names, part)
        keys = SigningKeys("signing-keys", settings, names, roles, part)
        api = HttpApi("http-api", settings, names, part)
        user_pool = (
            UserPool("user-pool", settings, names, part) if settings.create_user_pool else None
        )
        functions = make_functions(
            settings,
            names,
            roles,
            keys,
            api=api,
            user_pool_provider=user_pool.provider if user_pool else None,
            opts=part,
        )
        routes = Routes("routes", settings, names, api, functions, opts=part)
        rotation = Rotation(
            "rotation",
            settings,
            names,
            keys=keys,
            functions=functions,
            api=api,
            routes=routes,
            opts=part,
        )
        Alarms("alarms", settings, names, functions, api, rotation=rotation, opts=part)

        audiences = pulumi.Output.from_input(
            settings.told(lambda told: told.token_audiences, "audiences", "powersync_url")
        )
        self.issuer = api.issuer
        self.jwks_uri = pulumi.Output.concat(api.issuer, JWKS_PATH)
        self.token_url = pulumi.Output.concat(api.issuer, TOKEN_PATH)
        self.anonymous_token_url = None
        if functions.auth_anonymous is not None:
            self.anonymous_token_url = pulumi.Output.concat(api.issuer, ANONYMOUS_PATH)
        self.audience = audiences
        self.powersync_client_auth = pulumi.Output.all(self.jwks_uri, audiences).apply(
            lambda known: client_auth(*known)
        )
        self.signing_secret_arn = keys.secret.arn
        self.rotate_function_name = functions.rotate.name
        self.jwks_parameter = keys.parameter.name
        self.user_pool_id = user_pool.pool.id if user_pool else None
        self.user_pool_client_id = user_pool.client.id if user_pool else None
        self.custom_domain_target = self.custom_domain_hosted_zone_id = None
        if api.domain is not None:
            configuration = api.domain.domain_name_configuration
            self.custom_domain_target = configuration.target_domain_name
            self.custom_domain_hosted_zone_id = configuration.hosted_zone_id
        self.register_outputs(self.outputs)

    @property
    def outputs(self) -> dict[str, pulumi.Output[Any]]:
        """All outputs by their names, but those that do not apply to the settings."""
        values = {output: getattr(self, output) for output in PowerSyncAuth.__annotations__}
        return {output: value for output, value in values.items() if value is not None}


def _warn(settings: Settings) -> None:
    for warning in advice(settings):
        pulumi.log.warn(warning)


def _has_provider(opts: pulumi.ResourceOptions | None) -> bool:
    """Whether it is somewhere else than the stack's configuration says."""
    if opts is None:
        return False
    inherited = opts.parent is not None and opts.parent.get_provider("aws:index:any") is not None
    return inherited or bool(opts.provider or opts.providers)
