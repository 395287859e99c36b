"""Requests and tokens that nobody thought of: no fault of ours shows, and no token gets out."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import schemathesis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.failures import Failure

from tests.conftest import Figure
from tests.identity.attacks import ATTACKS, CLIENT, EC_KEY, KEYS, PROVIDER, RSA_KEY, STRANGER
from tests.identity.key_server import KeyServer, as_segment, sign
from tests.identity.service import ISSUER, Answer, Deployment
from token_service.identity import IdentityProviders
from token_service.jwks import JWKS_PATH

DESCRIPTION = Path(__file__).parents[2] / "docs" / "openapi.yaml"
CASES = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LEAKS = ("Traceback", "Exception", "Error:", " object at 0x", ".py", "token_service")


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with KeyServer(keys=list(KEYS)) as server:
        item = {
            "issuer": PROVIDER,
            "jwksUri": server.uri,
            "audiences": [CLIENT],
            "claims": {"everything": "x", "parameters": "parameters"},
        }
        providers = IdentityProviders.from_settings(
            [item], own_issuer=ISSUER, clock=time.time, allow_loopback_http=True
        )
        yield Deployment(providers, time.time)


def assert_decent(answer: Answer, *statuses: int) -> None:
    assert answer.status in statuses
    # A token's random characters may spell anything.
    told = answer.body.replace(answer.json.get("token", ""), "") if answer.json else answer.body
    assert not any(leak in told for leak in LEAKS)
    assert ("token" in answer.json) == (answer.status == 200)


def assert_rightly_given(answer: Answer, token: str) -> None:
    """PyJWT, by itself, has to come to the same conclusion about the credential."""
    believed = jwt.decode(
        token, RSA_KEY.public_key(), ["RS256"], audience=CLIENT, issuer=PROVIDER, leeway=31
    )
    assert answer.claims["sub"] == believed["sub"]
    assert {"sub", "exp"} <= believed.keys()
    assert answer.claims["iss"] == ISSUER
    assert answer.claims["role"] == "authenticated"


# Characters that can stand in an HTTP header; API Gateway lets no others through.
header_text = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=200)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([PROVIDER, CLIENT, "RS256", "rsa", "ec", int(time.time()) // 3600 * 3600])
)
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=15,
)
NEAR_NOW = st.integers(-90, 90).map(lambda offset: int(time.time()) + offset)
known_claims: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "iss": st.just(PROVIDER) | json_values,
        "aud": st.just(CLIENT) | st.just([CLIENT, "other"]) | json_values,
        "sub": st.text(max_size=300) | json_values,
        "exp": NEAR_NOW | json_values,
        "nbf": NEAR_NOW | json_values,
        "iat": NEAR_NOW | json_values,
        "x": json_values,
        "parameters": json_values,
    },
)
valid_claims = st.fixed_dictionaries(
    {
        "iss": st.just(PROVIDER),
        "aud": st.just(CLIENT),
        "sub": st.sampled_from(["alice", "user|5", "ü"]),
        "exp": st.integers(60, 90).map(lambda offset: int(time.time()) + offset),
    }
)
usable_claims = st.fixed_dictionaries(
    {}, optional={"x": json_values, "parameters": st.dictionaries(st.text(max_size=9), json_values)}
)
payloads = st.one_of(
    json_values,
    known_claims,
    st.builds(lambda valid, other: {**valid, **other}, valid_claims, usable_claims),
    st.builds(lambda valid, other: {**valid, **other}, valid_claims, known_claims),
)
headers = st.one_of(
    json_values,
    st.fixed_dictionaries(
        {"alg": st.just("RS256"), "kid": st.just("rsa")},
        optional={"typ": st.sampled_from(["JWT", "at+jwt"]), "jwk": json_values},
    ),
    st.fixed_dictionaries(
        {"alg": st.just("RS256") | json_values, "kid": st.just("rsa") | json_values},
        optional={"crit": json_values, "b64": json_values, "jwk": json_values, "typ": json_values},
    ),
)


@settings(CASES, max_examples=600)
@given(head=headers, payload=payloads, by_stranger=st.booleans())
def _token_of_any_content(
    *, head: object, payload: object, by_stranger: bool, deployment: Deployment, seen: list[int]
) -> None:
    token = sign(head, payload, STRANGER if by_stranger else RSA_KEY, "RS256")
    answer = deployment.token(token)
    assert_decent(answer, *((401,) if by_stranger else (200, 401, 403)))
    seen.append(answer.status)
    if answer.status == 200:
        assert_rightly_given(answer, token)


def test_no_token_without_a_verified_identity(deployment: Deployment, figure: Figure) -> None:
    seen: list[int] = []
    _token_of_any_content(deployment=deployment, seen=seen)
    assert seen.count(200) > 20  # The fuzz reaches past every check, too.
    figure("fuzz cases: tokens of any content", len(seen))


@settings(CASES, max_examples=600)
@given(
    original=st.sampled_from([token for token in ATTACKS.values() if len(token) < 2000]),
    position=st.floats(0, 1),
    removed=st.integers(0, 8),
    inserted=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8),
)
def _mutated_token(
    *,
    original: str,
    position: float,
    removed: int,
    inserted: str,
    deployment: Deployment,
    seen: list[int],
) -> None:
    at = int(position * len(original))
    token = original[:at] + inserted + original[at + removed :]
    answer = deployment.get("/token", {"authorization": f"Bearer {token}"})
    assert_decent(answer, 200, 400, 401)
    seen.append(answer.status)
    if answer.status == 200:
        # The attack was a right credential with something put in, which the mutation took out.
        assert_rightly_given(answer, token)


def test_no_mutation_of_an_attack_gets_a_token(deployment: Deployment, figure: Figure) -> None:
    seen: list[int] = []
    _mutated_token(deployment=deployment, seen=seen)
    figure("fuzz cases: mutated attacks", len(seen))


@settings(CASES, max_examples=400)
@given(
    path=st.sampled_from(["/token", "/token/anonymous"]),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "BREW"]),
    fields=st.dictionaries(
        st.sampled_from(
            ["authorization", "x-anonymous-token", "content-type", "cookie", "content-length"]
        )
        | st.from_regex(r"\A[a-z][a-z-]{0,12}\Z"),
        header_text | header_text.map("Bearer {}".format),
        max_size=5,
    ),
    event=st.fixed_dictionaries(
        {},
        optional={
            "rawQueryString": st.text(st.characters(min_codepoint=33, max_codepoint=126)),
            "cookies": st.lists(header_text, max_size=3),
            "body": st.text(),
        },
    )
    | st.binary().map(
        lambda body: {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    ),
)
@example(path="/token", method="GET", fields={"authorization": "Bearer \xff"}, event={})
@example(path="/token/anonymous", method="GET", fields={"x-anonymous-token": "\xff.\xff"}, event={})
def _any_request(
    *,
    path: str,
    method: str,
    fields: dict[str, str],
    event: dict[str, Any],
    deployment: Deployment,
    seen: list[int],
) -> None:
    answer = deployment.get(path, fields, method, **event)
    seen.append(answer.status)
    if method not in {"GET", "POST"}:
        assert answer.status == 405
    elif path == "/token":
        assert_decent(answer, 400, 401)
    else:
        assert_decent(answer, 200)
        assert answer.claims["role"] == "anonymous"


def test_any_request_has_a_decent_answer(deployment: Deployment, figure: Figure) -> None:
    seen: list[int] = []
    _any_request(deployment=deployment, seen=seen)
    figure("fuzz cases: requests", len(seen))


schema = schemathesis.openapi.from_path(DESCRIPTION)


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

    @settings(CASES, max_examples=100)
    @given(case=schema[path][method].as_strategy())
    def answer_is_as_described(case: schemathesis.Case[Any]) -> None:
        nonlocal cases
        cases += 1
        fields = [(n.encode(), str(v).encode("latin-1")) for n, v in (case.headers or {}).items()]
        case.validate_response(
            client.request(case.method, case.path, headers=fields),
            checks=[
                not_a_server_error,
                status_code_conformance,
                content_type_conformance,
                response_headers_conformance,
                response_schema_conformance,
            ],
        )

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
    content = {"iss": PROVIDER, "aud": CLIENT, "sub": "alice", "exp": int(time.time()) + 60}
    head = {"alg": "ES256", "kid": "ec"}
    right = sign(head, content, EC_KEY, "ES256")
    unusable = sign(head, {**content, "parameters": "no object"}, EC_KEY, "ES256")
    expected = [(right, 200), (unusable, 403)]
    # Only what can be written into a header.
    expected += [(token, 401) for token in ATTACKS.values() if (token + "x").isprintable()]
    for token, status in expected:
        fields = [(b"Authorization", f"Bearer {token}".encode("latin-1"))]
        response = client.get("/token", headers=fields)
        assert response.status_code == status
        schema["/token"]["GET"].validate_response(response)
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
        schema[JWKS_PATH]["GET"].validate_response(answer)


def test_a_private_key_would_not_be_as_our_description_says(client: httpx.Client) -> None:
    answer = client.get(JWKS_PATH)
    leaked = {"keys": [{**answer.json()["keys"][0], "d": "AQAB"}]}
    headers = {name: answer.headers[name] for name in ("Cache-Control", "ETag")}
    leaking = httpx.Response(200, headers=headers, json=leaked, request=answer.request)
    leaking.elapsed = answer.elapsed
    with pytest.raises(Failure, match="'d' was unexpected"):
        schema[JWKS_PATH]["GET"].validate_response(leaking)


def test_base64_of_segments_is_what_pyjwt_writes() -> None:
    """The forging side is right: a token made by hand is the one that PyJWT makes."""
    token = jwt.encode({"a": 1}, RSA_KEY, "RS256", headers={"kid": "rsa"})
    header, payload, _ = token.split(".")
    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {
        "alg": "RS256",
        "kid": "rsa",
        "typ": "JWT",
    }
    assert payload == as_segment({"a": 1})
