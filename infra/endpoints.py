"""What AWS's endpoints are called in the stack's region, known during the deployment.

Apart from `regions.py`: what reads the configuration has no use for pulumi-aws, which takes a while
to import.
"""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from regions import via_service_names


def dns_suffix() -> pulumi.Output[str]:
    """What the names of AWS's endpoints end with: `amazonaws.com`, in China `amazonaws.com.cn`."""
    return aws.get_partition_output().dns_suffix


def via_service(service: str) -> pulumi.Output[str | list[str]]:
    """What `kms:ViaService` may be for a service in the stack's region."""
    region = aws.get_region_output().region
    return pulumi.Output.all(region, dns_suffix()).apply(
        lambda known: via_service_names(service, *known)
    )
