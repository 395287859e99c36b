"""Requests and tokens that nobody thought of: no fault of ours shows, and no token gets out."""

import base64
import time
from typing import Any

import jwt
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.conftest import Figure
from tests.identity.attacks import ATTACKS
from tests.identity.forgery import CLIENT, PROVIDER, RSA_KEY, STRANGER
from tests.identity.key_server import sign
from tests.identity.service import ISSUER, Answer, Deployment

CASES = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LEAKS = ("Traceback", "Exception", "Error:", " object at 0x", ".py", "token_service")


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
NEAR_NOW = (st.integers(-90, 90) | st.floats(-90, 90)).map(lambda offset: time.time() // 1 + offset)
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
        "exp": (st.integers(60, 90) | st.floats(60, 90)).map(
            lambda offset: int(time.time()) + offset
        ),
    }
)
usable_claims = st.fixed_dictionaries(
    {}, optional={"x": json_values, "parameters": st.dictionaries(st.text(max_size=9), json_values)}
)
payloads = st.one_of(
    json_values,
    known_claims,
    valid_claims,
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
