"""The address of the service: an HTTP API of its own with an access log, or a part of yours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from powersync_auth.bundle import is_local
from powersync_auth.endpoints import asked
from powersync_auth.paths import JWKS_PATH

if TYPE_CHECKING:
    from powersync_auth.naming import Names
    from powersync_auth.object_types import CustomDomain, SharedApi
    from powersync_auth.settings import Settings

PREFLIGHT_SECONDS = 3_600
"""For how long a browser remembers what a preflight has answered."""


class HttpApi(pulumi.ComponentResource):
    """The address of the service; `Routes` put the functions behind it.

    Produces:
        id: Of the HTTP API: one of its own with CORS for `corsOrigins`, or yours, where `httpApi`
            says so.
        execution_arn: What a permission to invoke names.
        access_log: Log group of the access log; none for an API of yours, whose stage has it.
        domain: The custom domain, if one is configured.
        endpoint: URL of the API by its AWS name, with `path_prefix`; it answers unless there is a
            custom domain.
        issuer: URL of the API as the world knows it; no slash at its end.
        path_prefix: What stands before our paths; nothing in an API of its own.
    """

    access_log: aws.cloudwatch.LogGroup | None = None
    domain: aws.apigatewayv2.DomainName | None = None
    path_prefix = ""

    def __init__(
        self,
        name: str,
        settings: Settings,
        names: Names,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("powersync-auth:index:HttpApi", names.logical(name), None, opts)
        domain = settings.custom_domain
        # In the embedded AWS nothing leads to the domain.
        self.is_closed = domain is not None and not domain.keep_execute_api and not is_local()
        if settings.http_api is None:
            self._make(settings, names)
        else:
            self._take(settings, settings.http_api)
        self.register_outputs({"endpoint": self.endpoint, "issuer": self.issuer})

    def _take(self, settings: Settings, given: SharedApi) -> None:
        """Uses an API of yours, whose stage deploys by itself."""
        self.path_prefix = given.path_prefix
        self.id: pulumi.Input[str] = settings.told(lambda told: _shared(told).id, "http_api")
        theirs = aws.apigatewayv2.get_api_output(api_id=self.id, opts=asked(self))
        self.execution_arn = theirs.execution_arn
        self.endpoint = pulumi.Output.concat(theirs.api_endpoint, given.path_prefix)
        url = settings.told(lambda told: _shared(told).url, "http_api")
        self.issuer = pulumi.Output.all(url, self.endpoint).apply(
            lambda known: f"{known[0]}{given.path_prefix}" if known[0] else str(known[1])
        )

    def _make(self, settings: Settings, names: Names) -> None:
        child = pulumi.ResourceOptions(parent=self)
        api = aws.apigatewayv2.Api(
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
        self.id = api.id
        self.execution_arn = api.execution_arn
        self.endpoint = api.api_endpoint
        self.issuer = self.endpoint
        if settings.custom_domain is not None:
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

    @property
    def reached_before_dns(self) -> dict[str, pulumi.Input[str]]:
        """Where the JWKS is served as soon as everything is deployed, for the first look at it.

        A custom domain's DNS record is not ours to make: until it stands, the domain is reached at
        the name that AWS gives for it.
        """
        if self.domain is None or not self.is_closed:
            # A URL of yours may lead here by what the rotate function cannot pass.
            return {"jwks_uri": pulumi.Output.concat(self.endpoint, JWKS_PATH)}
        return {
            "jwks_uri": pulumi.Output.concat(self.issuer, JWKS_PATH),
            "connect_to": self.domain.domain_name_configuration.target_domain_name,
        }


def _custom(settings: Settings) -> CustomDomain:
    """The custom domain of a stack that has one."""
    if settings.custom_domain is None:
        raise ValueError("customDomain became null during the deployment")
    return settings.custom_domain


def _shared(settings: Settings) -> SharedApi:
    """The API of yours of a stack that has one."""
    if settings.http_api is None:
        raise ValueError("httpApi became null during the deployment")
    return settings.http_api
