"""What AWS's endpoints are called where a resource is, known during the deployment.

Apart from `regions.py`: what reads the configuration has no use for pulumi-aws, which takes a while
to import.
"""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from powersync_auth.regions import via_service_names


def asked(by: pulumi.Resource) -> pulumi.InvokeOutputOptions:
    """Has AWS be asked with the provider of a resource: in its account and region."""
    return pulumi.InvokeOutputOptions(parent=by)


def dns_suffix(by: pulumi.Resource) -> pulumi.Output[str]:
    """What the names of AWS's endpoints end with: `amazonaws.com`, in China `amazonaws.com.cn`."""
    return aws.get_partition_output(opts=asked(by)).dns_suffix


def via_service(service: str, by: pulumi.Resource) -> pulumi.Output[str | list[str]]:
    """What `kms:ViaService` may be for a service where a resource is."""
    region = aws.get_region_output(opts=asked(by)).region
    return pulumi.Output.all(region, dns_suffix(by)).apply(
        lambda known: via_service_names(service, *known)
    )
