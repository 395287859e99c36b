"""What differs between AWS's partitions: how endpoints are called, and which services there are.

Not the principals of services: those of the services that this program uses end with
`amazonaws.com` everywhere.
"""

from __future__ import annotations

import os
import re

import pulumi

_WITHOUT_USER_POOLS = re.compile(r"(cn|us-iso[bf]?|eu-isoe)-")
_WITHOUT_HTTP_APIS = re.compile(r"(us-isob-west|us-isof)-")


def configured_region() -> str | None:
    """The region of the stack, where configuration or environment name it as the provider reads it.

    None where a profile does: then it is known during the deployment only.
    """
    configured: str | None = pulumi.Config("aws").get("region")
    return configured or os.environ.get("AWS_REGION", os.environ.get("AWS_DEFAULT_REGION"))


def has_user_pools(region: str) -> bool:
    """Whether there are Cognito user pools in a region."""
    return not _WITHOUT_USER_POOLS.match(region)


def has_http_apis(region: str) -> bool:
    """Whether there are HTTP APIs (API Gateway v2) in a region."""
    return not _WITHOUT_HTTP_APIS.match(region)


def via_service_names(service: str, region: str, suffix: str) -> str | list[str]:
    """What `kms:ViaService` may be for a service in a region.

    AWS's documentation shows `amazonaws.com` in it, and does not say what it is where endpoints
    end otherwise: there both are given. Nobody but AWS makes either.

    Args:
        service: Such as `secretsmanager`.
        region: The region.
        suffix: What the names of AWS's endpoints end with there.
    """
    usual = f"{service}.{region}.amazonaws.com"
    here = f"{service}.{region}.{suffix}"
    return here if here == usual else [usual, here]
