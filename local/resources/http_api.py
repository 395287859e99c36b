"""API Gateway's HTTP API and its custom domain."""

from urllib.parse import urlsplit

from local.aws import Aws, arguments, given_or_made_up_name
from local.resource import Created, Resource
from local.resources.registry import makes


@makes("aws:apigatewayv2/api:Api")
def api(aws: Aws, resource: Resource) -> Created:
    """Creates an API; its endpoint is the front door's URL."""
    name = given_or_made_up_name(resource.inputs, resource.name)
    created = aws.client("apigatewayv2").create_api(
        Name=name,
        Tags=resource.inputs.get("tags") or {},
        **arguments(resource.inputs, leave_out={"name"}),
    )
    api_id = created["ApiId"]
    return Created(
        api_id,
        {
            "apiEndpoint": aws.published.url,
            "executionArn": aws.arn("execute-api", api_id),
            "name": name,
        },
    )


@makes("aws:apigatewayv2/integration:Integration")
def integration(aws: Aws, resource: Resource) -> Created:
    """Connects an API with a function."""
    created = aws.client("apigatewayv2").create_integration(**arguments(resource.inputs))
    return Created(created["IntegrationId"])


@makes("aws:apigatewayv2/route:Route")
def route(aws: Aws, resource: Resource) -> Created:
    """Creates a route."""
    created = aws.client("apigatewayv2").create_route(**arguments(resource.inputs))
    return Created(created["RouteId"])


@makes("aws:apigatewayv2/stage:Stage")
def stage(aws: Aws, resource: Resource) -> Created:
    """Creates a stage with its throttling and access log; its API can be reached from now on."""
    inputs = resource.inputs
    name = given_or_made_up_name(inputs, resource.name)
    given = arguments(inputs, leave_out={"name", "routeSettings"})
    given["RouteSettings"] = {
        settings["routeKey"]: arguments(settings, leave_out={"routeKey"})
        for settings in inputs["routeSettings"]
    }
    aws.client("apigatewayv2").create_stage(StageName=name, Tags=inputs.get("tags") or {}, **given)
    aws.published.api_id = inputs["apiId"]
    return Created(name, {"name": name})


@makes("aws:apigatewayv2/domainName:DomainName")
def domain_name(aws: Aws, resource: Resource) -> Created:
    """Creates a custom domain, without a look at its certificate.

    The front door answers requests with the domain as `Host`. Nothing leads them there, and it has
    no certificate: a client that asks for `https://` and the domain does not get through.
    """
    inputs = resource.inputs
    configuration = inputs["domainNameConfiguration"]
    aws.client("apigatewayv2").create_domain_name(
        DomainNameConfigurations=[arguments(configuration)],
        Tags=inputs.get("tags") or {},
        **arguments(inputs, leave_out={"domainNameConfiguration"}),
    )
    aws.published.domain = inputs["domainName"]
    # Where a DNS record would have to point to; it is an address, and in no zone of Route 53.
    target = {"targetDomainName": urlsplit(aws.published.url).netloc, "hostedZoneId": "none"}
    return Created(inputs["domainName"], {"domainNameConfiguration": {**configuration, **target}})


@makes("aws:apigatewayv2/apiMapping:ApiMapping")
def api_mapping(aws: Aws, resource: Resource) -> Created:
    """Puts a stage of an API behind a custom domain."""
    created = aws.client("apigatewayv2").create_api_mapping(**arguments(resource.inputs))
    return Created(created["ApiMappingId"])
