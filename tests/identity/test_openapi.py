"""What the functions answer is what `docs/openapi.yaml` says, whatever they are asked."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.failures import Failure

from tests.conftest import Figure
from tests.identity.attacks import ATTACKS
from tests.identity.forgery import claims, signed
from tests.identity.service import ISSUER, Deployment
from token_service.endpoints.jwks import JWKS_PATH
from token_service.identity.providers import IdentityProviders

DESCRIPTION = Path(__file__).parents[2] / "docs" / "openapi.yaml"
schema = schemathesis.openapi.from_path(DESCRIPTION)

CASES = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)

CONFORMANCE = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

OPERATIONS = [
    ("/token", "GET"),
    ("/token", "POST"),
    ("/token/anonymous", "GET"),
    ("/token/anonymous", "POST"),
    (JWKS_PATH, "GET"),
]


@pytest.fixture(scope="module")
def client(deployment: Deployment) -> Iterator[httpx.Client]:
    with http_client(deployment) as client:
        yield client


def http_client(deployment: Deployment) -> httpx.Client:
    """HTTP to the functions, without a network in between."""

    def respond(request: httpx.Request) -> httpx.Response:
        fields = {
            name.decode().lower(): value.decode("latin-1") for name, value in request.headers.raw
        }
        answer = deployment.get(request.url.path, fields, request.method)
        body = httpx.ByteStream(answer.body.encode())
        return httpx.Response(answer.status, headers=answer.headers, stream=body)

    return httpx.Client(base_url=ISSUER, transport=httpx.MockTransport(respond))


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_answers_are_as_our_description_says(
    path: str, method: str, client: httpx.Client, figure: Figure
) -> None:
    # Not by schema.parametrize(): its tests share one node id, and xdist would run one of them.
    cases = 0

    @CASES
    @given(case=schema[path][method].as_strategy())
    def answer_is_as_described(case: schemathesis.Case[Any]) -> None:
        nonlocal cases
        cases += 1
        fields = [(n.encode(), str(v).encode("latin-1")) for n, v in (case.headers or {}).items()]
        response = client.request(case.method, case.path, headers=fields)
        case.validate_response(response, checks=[not_a_server_error, *CONFORMANCE])

    answer_is_as_described()
    assert cases >= 100
    figure("fuzz cases: against our OpenAPI description", cases)


def test_every_operation_is_fuzzed() -> None:
    assert len(list(schema.get_all_operations())) == len(OPERATIONS)
    for path, method in OPERATIONS:
        operation = schema[path][method]
        assert (operation.path, operation.method.upper()) == (path, method)


def test_every_kind_of_answer_is_as_our_description_says(
    client: httpx.Client, figure: Figure
) -> None:
    expected = [(signed(), 200), (signed(claims(parameters="no object")), 403)]
    # Only what can be written into a header.
    expected += [(token, 401) for token in ATTACKS.values() if (token + "x").isprintable()]
    for token, status in expected:
        fields = [(b"Authorization", f"Bearer {token}".encode("latin-1"))]
        response = client.get("/token", headers=fields)
        assert response.status_code == status
        schema["/token"]["GET"].Case().validate_response(response, checks=CONFORMANCE)
    figure("fuzz cases: against our OpenAPI description", len(expected))


def test_every_answer_about_the_keys_is_as_our_description_says() -> None:
    deployment = Deployment(IdentityProviders({}), time.time)
    with http_client(deployment) as client:
        keys = client.get(JWKS_PATH)
        unchanged = client.get(JWKS_PATH, headers={"If-None-Match": keys.headers["ETag"]})
    assert keys.json()["keys"]
    unpublished = Deployment(IdentityProviders({}), time.time)
    unpublished.published = '{"generation": 0, "keys": []}'
    with http_client(unpublished) as client:
        failed = client.get(JWKS_PATH)
    answers = [keys, unchanged, failed]
    assert [answer.status_code for answer in answers] == [200, 304, 503]
    for answer in answers:
        schema[JWKS_PATH]["GET"].Case().validate_response(answer, checks=CONFORMANCE)


def test_a_private_key_would_not_be_as_our_description_says(client: httpx.Client) -> None:
    answer = client.get(JWKS_PATH)
    leaked = {"keys": [{**answer.json()["keys"][0], "d": "AQAB"}]}
    headers = {name: answer.headers[name] for name in ("Cache-Control", "ETag")}
    leaking = httpx.Response(200, headers=headers, json=leaked, request=answer.request)
    leaking.elapsed = answer.elapsed
    with pytest.raises(Failure, match="'d' was unexpected"):
        schema[JWKS_PATH]["GET"].validate_response(leaking)
