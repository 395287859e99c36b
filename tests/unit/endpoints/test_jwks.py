"""The JWKS endpoint, and the answers to what is no route."""

import json
from dataclasses import dataclass

import pytest

from tests.api_gateway import lambda_event
from token_service.aws.aws_json import AwsUnreachableError
from token_service.endpoints.jwks import JWKS_PATH, JwksEndpoint
from token_service.keys import publication
from token_service.keys.publication import PublishedKey
from token_service.settings import JwksSettings

ROUTES = {"/.well-known/jwks.json": "GET, HEAD", "/token": "GET, POST"}


@dataclass
class _Parameter:
    kid: str = "one"
    error: Exception | None = None
    document: str | None = None
    reads: int = 0
    now: float = 1000.0

    def read(self) -> str:
        self.reads += 1
        if self.error is not None:
            raise self.error
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": "x", "kid": self.kid, "alg": "EdDSA"}
        keys = {self.kid: PublishedKey({**jwk, "use": "sig"}, published_at=1.5)}
        return self.document or publication.dumps(keys, 1)

    def endpoint(self) -> JwksEndpoint:
        return JwksEndpoint(JwksSettings("/jwks", 60, 120, ROUTES), self.read, lambda: self.now)


OUT_OF_REACH = AwsUnreachableError("ssm", "GetParameter", "TimeoutError", "")


def _ask(
    endpoint: JwksEndpoint, method: str = "GET", path: str = JWKS_PATH, **headers: str
) -> tuple[int, dict[str, str], str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = endpoint(lambda_event(path, named, method), None)
    status, answered = response["statusCode"], response["headers"]
    assert isinstance(status, int)
    assert isinstance(answered, dict)
    return status, answered, str(response.get("body", ""))


def test_the_published_keys_are_served_without_our_own_members() -> None:
    status, headers, body = _ask(_Parameter().endpoint())
    assert status == 200
    assert set(json.loads(body)) == {"keys"}
    assert set(json.loads(body)["keys"][0]) == {"kty", "crv", "x", "kid", "alg", "use"}
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "public, max-age=60"


def test_what_an_api_has_before_the_paths_is_taken_off() -> None:
    parameter = _Parameter()
    settings = JwksSettings("/jwks", 60, 120, ROUTES, path_prefix="/auth")
    endpoint = JwksEndpoint(settings, parameter.read, lambda: parameter.now)
    assert _ask(endpoint, path=f"/auth{JWKS_PATH}")[0] == 200
    assert _ask(endpoint, "DELETE", path="/auth/token")[0] == 405
    assert _ask(endpoint, path=f"/auth/auth{JWKS_PATH}")[0] == 404


def test_head_has_the_headers_of_get_and_no_body() -> None:
    endpoint = _Parameter().endpoint()
    assert _ask(endpoint, "HEAD")[1] == _ask(endpoint)[1]
    assert _ask(endpoint, "HEAD")[2] == ""


@pytest.mark.parametrize("form", ["{0}", "W/{0}", '"other", {0}', "*"])
def test_a_client_that_has_this_version_gets_304(form: str) -> None:
    endpoint = _Parameter().endpoint()
    etag = _ask(endpoint)[1]["ETag"]
    assert etag.startswith('"')
    status, headers, body = _ask(endpoint, if_none_match=form.format(etag))
    assert (status, body, headers["ETag"]) == (304, "", etag)


def test_a_client_that_has_another_version_gets_the_keys() -> None:
    assert _ask(_Parameter().endpoint(), if_none_match='"other"')[0] == 200


def test_the_etag_changes_with_the_keys_only() -> None:
    parameter = _Parameter()
    endpoint = parameter.endpoint()
    first = _ask(endpoint)[1]["ETag"]
    parameter.now += 60
    assert _ask(endpoint)[1]["ETag"] == first
    parameter.kid, parameter.now = "two", parameter.now + 60
    assert _ask(endpoint)[1]["ETag"] != first


def test_the_parameter_is_read_once_in_its_time() -> None:
    parameter = _Parameter()
    endpoint = parameter.endpoint()
    for parameter.now in (1000, 1059.9, 1060, 1100):
        _ask(endpoint)
    assert parameter.reads == 2


def test_during_an_outage_what_is_at_hand_is_served_until_it_is_too_old() -> None:
    parameter = _Parameter()
    endpoint = parameter.endpoint()
    _ask(endpoint)
    parameter.error = OUT_OF_REACH
    parameter.now += 119.9
    status, headers, _ = _ask(endpoint)
    assert status == 200
    # A proxy that kept it for a minute more would exceed the bound.
    assert headers["Cache-Control"] == "no-store"
    parameter.now += 0.1
    status, headers, body = _ask(endpoint)
    assert (status, headers["Retry-After"]) == (503, "1")
    assert json.loads(body)["error"] == "temporarily_unavailable"
    parameter.error = None
    parameter.now += 1
    status, headers, _ = _ask(endpoint)
    assert (status, headers["Cache-Control"]) == (200, "public, max-age=60")


def test_a_failing_parameter_is_not_waited_for_at_each_request() -> None:
    """Neither by a cold function, which has nothing, nor by a warm one, which has the keys."""
    parameter = _Parameter(error=OUT_OF_REACH)
    endpoint = parameter.endpoint()
    assert [_ask(endpoint)[0] for _ in range(20)] == [503] * 20
    assert parameter.reads == 1
    parameter.error = None
    parameter.now += 1
    assert _ask(endpoint)[0] == 200
    parameter.error = OUT_OF_REACH
    parameter.now += 60
    assert [_ask(endpoint)[0] for _ in range(20)] == [200] * 20
    assert parameter.reads == 3


def test_a_client_that_has_this_version_gets_304_in_an_outage_too() -> None:
    parameter = _Parameter()
    endpoint = parameter.endpoint()
    etag = _ask(endpoint)[1]["ETag"]
    parameter.error = OUT_OF_REACH
    parameter.now += 60
    status, headers, _ = _ask(endpoint, if_none_match=etag)
    assert (status, headers["Cache-Control"], headers["ETag"]) == (304, "no-store", etag)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((method, JWKS_PATH) for method in ("GET", "HEAD", "POST")),
        *(("GET", "/elsewhere"), ("OPTIONS", "/token")),
    ],
)
@pytest.mark.parametrize("error", [None, OUT_OF_REACH])
def test_no_answer_is_for_a_browser_to_guess_about(
    method: str, path: str, error: Exception | None
) -> None:
    endpoint = _Parameter(error=error).endpoint()
    assert _ask(endpoint, method, path)[1]["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "document", ["garbage", '{"keys": []}', '{"keys": [{"d": "?"}]}', "[" * 100_000]
)
def test_a_document_that_is_no_publication_is_not_served(document: str) -> None:
    status, _, body = _ask(_Parameter(document=document).endpoint())
    assert status == 503
    assert document not in body


@pytest.mark.parametrize(("method", "path"), [("POST", JWKS_PATH), ("DELETE", "/token")])
def test_a_wrong_method_is_answered_with_those_allowed(method: str, path: str) -> None:
    status, headers, body = _ask(_Parameter().endpoint(), method, path)
    assert (status, headers["Allow"]) == (405, ROUTES[path])
    assert json.loads(body)["error"] == "method_not_allowed"


def test_options_tells_the_methods() -> None:
    status, headers, _ = _ask(_Parameter().endpoint(), "OPTIONS", "/token")
    assert (status, headers["Allow"]) == (204, "GET, POST")


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_an_unknown_path_is_not_found(method: str) -> None:
    status, _, body = _ask(_Parameter().endpoint(), method, "/elsewhere")
    assert status == 404
    assert json.loads(body)["error"] == "not_found"


@pytest.mark.parametrize("event", [{}, {"rawPath": 1}, {"requestContext": {"http": None}}])
def test_an_event_of_another_kind_is_not_found(event: dict[str, object]) -> None:
    assert _Parameter().endpoint()(event, None)["statusCode"] == 404


LEGACY = {"kty": "OKP", "crv": "Ed25519", "x": "y", "kid": "former", "alg": "EdDSA", "use": "sig"}


def _serving_beside(*legacy: dict[str, object], now: float) -> list[dict[str, str]]:
    settings = JwksSettings("/jwks", 60, 120, ROUTES, legacy)
    endpoint = JwksEndpoint(settings, _Parameter().read, lambda: 0.0, lambda: now)
    keys: list[dict[str, str]] = json.loads(_ask(endpoint)[2])["keys"]
    return keys


def test_a_former_signers_key_stands_behind_ours_until_its_time() -> None:
    legacy = {"jwk": LEGACY, "until": 100}
    assert [key["kid"] for key in _serving_beside(legacy, now=99.9)] == ["one", "former"]
    assert _serving_beside(legacy, now=99.9)[1] == LEGACY
    assert [key["kid"] for key in _serving_beside(legacy, now=100)] == ["one"]


def test_under_the_kid_of_one_of_ours_a_former_key_is_not_served() -> None:
    keys = _serving_beside({"jwk": {**LEGACY, "kid": "one"}, "until": 100}, now=0)
    assert [key["x"] for key in keys] == ["x"]


def test_former_keys_alone_are_not_served() -> None:
    """To PowerSync ours would be gone, where an error lets it keep them."""
    settings = JwksSettings("/jwks", 60, 120, ROUTES, [{"jwk": LEGACY, "until": 100}])
    parameter = _Parameter(document='{"keys": []}')
    endpoint = JwksEndpoint(settings, parameter.read, lambda: 0.0, lambda: 0.0)
    assert _ask(endpoint)[0] == 503
