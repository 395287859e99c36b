"""The HTTP API: address and access log; then routes, CORS, throttling."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from bundle import is_local
from functions import ANONYMOUS_PATH, JWKS_PATH, TOKEN_PATH
from settings import Throttle

if TYPE_CHECKING:
    from functions import Functions
    from lambda_function import Function
    from naming import Names
    from settings import CustomDomain, Settings

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

PREFLIGHT_SECONDS = 3_600
"""For how long a browser remembers what a preflight has answered."""

ACCESS_LOG_FORMAT = json.dumps(ACCESS_LOG_FIELDS, separators=(",", ":"))


ANYTHING_ELSE_LIMIT = Throttle(rate=10, burst=20)
"""So little that it takes none of the executions that the JWKS needs."""


class HttpApi(pulumi.ComponentResource):
    """The address of the service; `Routes` put the functions behind it.

    Produces:
        api: The HTTP API, with CORS for `corsOrigins`.
        access_log: Log group of the access log.
        domain: The custom domain, if one is configured.
        endpoint: URL of the API by its AWS name; it answers unless there is a custom domain.
        issuer: URL of the API as the world knows it; no slash at its end.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        names: Names,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("powersync-auth:index:HttpApi", names.logical(name), None, opts)
        child = pulumi.ResourceOptions(parent=self)
        domain = settings.custom_domain
        # In the embedded AWS nothing leads to the domain.
        self.is_closed = domain is not None and not domain.keep_execute_api and not is_local()
        self.api = aws.apigatewayv2.Api(
            names.logical("api"),
            name=names.physical("api", limit=128),
            description="JWKS and tokens for PowerSync",
            protocol_type="HTTP",
            disable_execute_api_endpoint=self.is_closed or None,
            cors_configuration={
                "allow_origins": settings.told(lambda told: told.cors_origins, "cors_origins"),
                "allow_methods": ["GET", "POST"],
                "allow_headers": ["authorization", "content-type", "x-anonymous-token"],
                "expose_headers": ["etag", "retry-after", "www-authenticate"],
                "max_age": PREFLIGHT_SECONDS,
            }
            if settings.cors_origins
            else None,
            opts=child,
        )
        self.access_log = aws.cloudwatch.LogGroup(
            names.logical("access-log"),
            # AWS's own log deliveries go here; its resource policy covers the prefix once, where
            # other names would each add to a policy of limited size.
            name=f"/aws/vendedlogs/{names.physical('access', limit=256)}",
            retention_in_days=settings.log_retention_days,
            opts=child,
        )
        self.endpoint = self.api.api_endpoint
        self.issuer = self.endpoint
        self.domain: aws.apigatewayv2.DomainName | None = None
        if domain is not None:
            self.domain = aws.apigatewayv2.DomainName(
                names.logical("domain"),
                domain_name=settings.told(lambda told: _custom(told).name, "custom_domain"),
                domain_name_configuration={
                    "certificate_arn": settings.told(
                        lambda told: _custom(told).certificate_arn, "custom_domain"
                    ),
                    "endpoint_type": "REGIONAL",
                    "security_policy": "TLS_1_2",
                },
                opts=child,
            )
            self.issuer = pulumi.Output.concat("https://", self.domain.domain_name)
        self.register_outputs({"endpoint": self.endpoint, "issuer": self.issuer})

    @property
    def reached_before_dns(self) -> dict[str, pulumi.Input[str]]:
        """Where the JWKS is served as soon as everything is deployed, for the first look at it.

        A custom domain's DNS record is not ours to make: until it stands, the domain is reached at
        the name that AWS gives for it.
        """
        if self.domain is None or not self.is_closed:
            return {"jwks_uri": pulumi.Output.concat(self.endpoint, JWKS_PATH)}
        return {
            "jwks_uri": pulumi.Output.concat(self.issuer, JWKS_PATH),
            "connect_to": self.domain.domain_name_configuration.target_domain_name,
        }


class Routes(pulumi.ComponentResource):
    """What is behind the API.

    Produces:
        stage: The `$default` stage: deployed by itself, throttled by route, with an access log.
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

        def serve(name: str, function: Function, throttle: Throttle, *keys: str) -> None:
            self._serve(name, function, *keys)
            throttles.update(dict.fromkeys(keys, throttle))

        limits = settings.throttling
        serve("jwks", functions.jwks, limits.jwks, f"GET {JWKS_PATH}", f"HEAD {JWKS_PATH}")
        serve("anything-else", functions.jwks, ANYTHING_ELSE_LIMIT, *ANYTHING_ELSE)
        serve("auth", functions.auth, limits.token, f"GET {TOKEN_PATH}", f"POST {TOKEN_PATH}")
        if functions.auth_anonymous is not None:
            serve(
                "auth-anonymous",
                functions.auth_anonymous,
                limits.anonymous,
                f"GET {ANONYMOUS_PATH}",
                f"POST {ANONYMOUS_PATH}",
            )
        self.stage = aws.apigatewayv2.Stage(
            names.logical("stage"),
            api_id=api.api.id,
            name=STAGE,
            auto_deploy=True,
            access_log_settings={
                "destination_arn": api.access_log.arn,
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
        self.ready.append(self.stage)
        if api.domain is not None:
            mapping = aws.apigatewayv2.ApiMapping(
                names.logical("domain"),
                api_id=api.api.id,
                domain_name=api.domain.domain_name,
                stage=self.stage.name,
                opts=pulumi.ResourceOptions(parent=self),
            )
            self.ready.append(mapping)
        self.register_outputs({})

    def _serve(self, name: str, function: Function, *route_keys: str) -> None:
        child = pulumi.ResourceOptions(parent=self)
        api = self._api.api
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


def _custom(settings: Settings) -> CustomDomain:
    """The custom domain of a stack that has one."""
    if settings.custom_domain is None:
        raise ValueError("customDomain became null during the deployment")
    return settings.custom_domain
