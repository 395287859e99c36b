"""What every answer of the token endpoints has in common."""

import json

import pytest
from starlette.exceptions import HTTPException

from token_service.endpoints.responses import RESPONSES, json_response
from token_service.identity.credentials import InsufficientScopeError
from token_service.keys.kept import NothingKeptError

_ARGUMENTS: dict[type[Exception], tuple[object, ...]] = {
    HTTPException: (404,),
    InsufficientScopeError: ("scope", "provider"),
    NothingKeptError: ("the key ring", 7),
}
ERRORS = {error.__name__: error(*_ARGUMENTS.get(error, ("why",))) for error in RESPONSES}


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_is_json_that_nobody_stores_or_guesses_about(name: str) -> None:
    response = RESPONSES[type(ERRORS[name])](ERRORS[name])
    assert response.status_code >= 400
    assert json.loads(bytes(response.body))["error_description"]
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-length"] == str(len(response.body))


def test_a_token_is_for_nobody_to_store_or_guess_about() -> None:
    headers = json_response(200, {"token": "…"}).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_client_is_told_when_the_keys_are_asked_for_again() -> None:
    response = RESPONSES[NothingKeptError](NothingKeptError("the key ring", 7))
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")
