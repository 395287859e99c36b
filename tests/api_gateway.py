"""What API Gateway hands to a function."""

from collections.abc import Mapping


def lambda_event(
    path: str,
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
    **replaced: object,
) -> dict[str, object]:
    """The event of a request by PowerSync's Dart SDK, in payload format 2.0.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

    Args:
        path: Of the request.
        headers: Beside those of every request; names are in lower case, and the values of headers
            of one name are joined with a comma by API Gateway.
        method: Of the request.
        replaced: Members of the event, such as `body`.
    """
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            "accept-encoding": "gzip",
            "content-length": "0",
            "host": "abcdef0123.execute-api.us-east-1.amazonaws.com",
            "user-agent": "Dart/3.5 (dart:io)",
            "x-amzn-trace-id": "Root=1-65a0b0c0-0123456789abcdef01234567",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
            **(headers or {}),
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdef0123",
            "domainName": "abcdef0123.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "abcdef0123",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "Dart/3.5 (dart:io)",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": f"{method} {path}",
            "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000",
            "timeEpoch": 1773342238000,
        },
        "isBase64Encoded": False,
        **replaced,
    }
