"""What is behind the API: routes, and what it lets through to each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from powersync_auth.object_types import Throttle
from powersync_auth.paths import ANONYMOUS_PATH, JWKS_PATH, TOKEN_PATH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from powersync_auth.functions import Functions
    from powersync_auth.http_api import HttpApi
    from powersync_auth.lambda_function import Function
    from powersync_auth.naming import Names
    from powersync_auth.settings import Settings

STAGE = "$default"
"""The stage without a prefix in its paths."""

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

ANYTHING_ELSE = ("ANY /", *(f"{method} /{{proxy+}}" for method in _METHODS))
"""What no other route takes: `jwks` answers it with 404, or 405 for a path that there is.

Not OPTIONS: a browser's preflights are answered by API Gateway itself as long as no route takes
them, which `$default` would. So they cost no execution, and wait for no function.
"""

ACCESS_LOG_FIELDS = {
    "requestId": "$context.requestId",
    "requestTime": "$context.requestTime",
    "sourceIp": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "responseLatency": "$context.responseLatency",
    "integrationError": "$context.integration.error",
    "error": "$context.error.message",
}
"""What is logged of a request: no header, no query, and so no token.

Each byte is paid for, so what repeats others is left out: the route is method and path, and a
function's status that of the answer.
"""

ACCESS_LOG_FORMAT = json.dumps(ACCESS_LOG_FIELDS, separators=(",", ":"))


ANYTHING_ELSE_LIMIT = Throttle(rate=10, burst=20)
"""So little that it takes none of the executions that the JWKS needs."""


class Routes(pulumi.ComponentResource):
    """What is behind the API: routes, and the stage of one of its own.

    The stage deploys by itself, is throttled by route, and has an access log.

    Produces:
        ready: All that has to exist before a request gets through.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        names: Names,
        api: HttpApi,
        functions: Functions,
        *,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("powersync-auth:index:Routes", names.logical(name), None, opts)
        self._names = names
        self._api = api
        self.ready: list[pulumi.Resource] = []
        throttles: dict[str, Throttle] = {}
        jwks, token, anonymous = (
            f"{api.path_prefix}{path}" for path in (JWKS_PATH, TOKEN_PATH, ANONYMOUS_PATH)
        )

        def serve(name: str, function: Function, throttle: Throttle, *keys: str) -> None:
            self._serve(name, function, *keys)
            throttles.update(dict.fromkeys(keys, throttle))

        limits = settings.throttling
        serve("jwks", functions.jwks, limits.jwks, f"GET {jwks}", f"HEAD {jwks}")
        if settings.http_api is None:
            serve("anything-else", functions.jwks, ANYTHING_ELSE_LIMIT, *ANYTHING_ELSE)
        serve("auth", functions.auth, limits.token, f"GET {token}", f"POST {token}")
        if functions.auth_anonymous is not None:
            serve(
                "auth-anonymous",
                functions.auth_anonymous,
                limits.anonymous,
                f"GET {anonymous}",
                f"POST {anonymous}",
            )
        if api.access_log is not None:
            self._deploy(settings, api, api.access_log, throttles)
        self.register_outputs({})

    def _deploy(
        self,
        settings: Settings,
        api: HttpApi,
        access_log: aws.cloudwatch.LogGroup,
        throttles: Mapping[str, Throttle],
    ) -> None:
        """Makes the stage: an API of yours has one of yours."""
        limits = settings.throttling
        stage = aws.apigatewayv2.Stage(
            self._names.logical("stage"),
            api_id=api.id,
            name=STAGE,
            auto_deploy=True,
            access_log_settings={
                "destination_arn": access_log.arn,
                "format": ACCESS_LOG_FORMAT,
            },
            # For what has no route: a web app's preflights, as many as its requests for tokens.
            default_route_settings={
                "throttling_rate_limit": limits.token.rate,
                "throttling_burst_limit": limits.token.burst,
            },
            route_settings=[
                {
                    "route_key": key,
                    "throttling_rate_limit": throttle.rate,
                    "throttling_burst_limit": throttle.burst,
                }
                for key, throttle in throttles.items()
            ],
            # API Gateway refuses the settings of a route that it does not have yet.
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(self.ready)),
        )
        self.ready.append(stage)
        if api.domain is not None:
            mapping = aws.apigatewayv2.ApiMapping(
                self._names.logical("domain"),
                api_id=api.id,
                domain_name=api.domain.domain_name,
                stage=stage.name,
                opts=pulumi.ResourceOptions(parent=self),
            )
            self.ready.append(mapping)

    def _serve(self, name: str, function: Function, *route_keys: str) -> None:
        child = pulumi.ResourceOptions(parent=self)
        api = self._api
        labels = {key: f"{name}-{key.partition(' ')[0].lower()}" for key in route_keys}
        permissions = [
            function.allow(
                label,
                "apigateway.amazonaws.com",
                # Stage, method, path, as the AWS console writes them: the API has one stage only.
                source_arn=pulumi.Output.concat(api.execution_arn, "/*/", key.replace(" ", "")),
                opts=child,
            )
            for key, label in labels.items()
        ]
        integration = aws.apigatewayv2.Integration(
            self._names.logical(name),
            api_id=api.id,
            integration_type="AWS_PROXY",
            integration_uri=function.invoke_arn,
            integration_method="POST",
            payload_format_version="2.0",
            # When a function gets an alias or loses it, requests go to the one that may be invoked.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*function.ready, *permissions]),
        )
        target = pulumi.Output.concat("integrations/", integration.id)
        self.ready += [
            aws.apigatewayv2.Route(
                self._names.logical(label),
                api_id=api.id,
                route_key=key,
                target=target,
                opts=child,
            )
            for key, label in labels.items()
        ]
