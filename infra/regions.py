"""What differs between AWS's partitions: how endpoints are called, and which services there are.

Not the principals of services: those of the services that this program uses end with
`amazonaws.com` everywhere.
"""

from __future__ import annotations

import re

import pulumi
import pulumi_aws as aws

_WITHOUT_USER_POOLS = re.compile(r"(cn|us-iso[bf]?|eu-isoe)-")
_WITHOUT_HTTP_APIS = re.compile(r"(us-isob-west|us-isof)-")


def configured_region() -> str | None:
    """The region of the stack, where configuration or environment name it as the provider reads it.

    None where a profile does: then it is known during the deployment only.
    """
    region: str | None = aws.config.region
    return region


def has_user_pools(region: str) -> bool:
    """Whether there are Cognito user pools in a region."""
    return not _WITHOUT_USER_POOLS.match(region)


def has_http_apis(region: str) -> bool:
    """Whether there are HTTP APIs (API Gateway v2) in a region."""
    return not _WITHOUT_HTTP_APIS.match(region)


def dns_suffix() -> pulumi.Output[str]:
    """What the names of AWS's endpoints end with: `amazonaws.com`, in China `amazonaws.com.cn`."""
    return aws.get_partition_output().dns_suffix


def via_service(service: str) -> pulumi.Output[str | list[str]]:
    """What `kms:ViaService` may be for a service in the stack's region.

    AWS's documentation shows `amazonaws.com` in it, and does not say what it is where endpoints
    end otherwise: there both are given. Nobody but AWS makes either.
    """

    def names(known: list[str]) -> str | list[str]:
        region, suffix = known
        usual = f"{service}.{region}.amazonaws.com"
        here = f"{service}.{region}.{suffix}"
        return here if here == usual else [usual, here]

    return pulumi.Output.all(aws.get_region_output().region, dns_suffix()).apply(names)
