"""Answers of AWS that lack what AWS's contract promises."""

import json
from collections.abc import Mapping

import pytest

from token_service.aws.aws_json import AwsError, AwsJsonClient
from token_service.keys import keyring, ring_document
from token_service.keys.kept import NothingKeptError
from token_service.keys.key_generation import generate_signing_key
from token_service.keys.keyring import KeyRingError
from token_service.keys.publication_store import PublicationStore
from token_service.keys.ring_cache import RingCache
from token_service.keys.ring_store import KeyRingStore
from token_service.keys.seal import StoredValue

RING = ring_document.dumps(keyring.bootstrap(lambda: generate_signing_key("ES256", 0)))
SECRET = {"VersionId": "v", "SecretString": RING, "CreatedDate": 1_800_000_000}
PARAMETER = {"Value": '{"keys":[]}', "Version": 3, "LastModifiedDate": 1_800_000_000.5}


class _Canned(AwsJsonClient):
    """Answers every call alike."""

    def __init__(self, service: str, target_prefix: str, answer: dict[str, object]) -> None:
        super().__init__(service, target_prefix)
        self.answer = answer

    def call(self, _action: str, _parameters: Mapping[str, object]) -> dict[str, object]:
        return self.answer


def _ring_store(answer: dict[str, object]) -> KeyRingStore:
    return KeyRingStore("arn", _Canned("secretsmanager", "secretsmanager", answer=answer))


def _parameter(answer: dict[str, object]) -> PublicationStore:
    return PublicationStore("/jwks", _Canned("ssm", "AmazonSSM", answer=answer))


def test_whole_answers_are_read() -> None:
    stored = _ring_store(dict(SECRET)).read()
    assert stored is not None
    assert (stored.version_id, stored.created_at) == ("v", 1_800_000_000)
    assert ring_document.dumps(stored.ring) == RING
    assert _parameter({"Parameter": PARAMETER}).read() == StoredValue(
        '{"keys":[]}', 3, 1_800_000_000.5
    )


@pytest.mark.parametrize("member", ["VersionId", "CreatedDate"])
@pytest.mark.parametrize("value", [None, [], {}])
def test_a_secret_that_lacks_a_member_is_an_error_of_aws(member: str, value: object) -> None:
    store = _ring_store({**SECRET, member: value})
    with pytest.raises(AwsError, match=f"there is no {member} in it"):
        store.read()
    with pytest.raises(NothingKeptError):
        RingCache(store.read, lambda: 0.0, refresh_after=300, max_age=3600).get()


def test_a_secret_whose_value_is_no_text_is_an_error_of_aws() -> None:
    with pytest.raises(AwsError, match="there is no SecretString in it"):
        _ring_store({**SECRET, "SecretString": 5}).read()


def test_a_secret_without_a_value_has_no_ring() -> None:
    assert _ring_store({"VersionId": "v", "CreatedDate": 1}).read() is None


@pytest.mark.parametrize("member", ["Value", "Version", "LastModifiedDate"])
def test_a_parameter_that_lacks_a_member_is_an_error_of_aws(member: str) -> None:
    parameter = {name: value for name, value in PARAMETER.items() if name != member}
    with pytest.raises(AwsError, match=f"there is no {member} in it"):
        _parameter({"Parameter": parameter}).read()


@pytest.mark.parametrize("answer", [{}, {"Parameter": None}, {"Parameter": "text"}])
def test_an_answer_without_a_parameter_is_an_error_of_aws(answer: dict[str, object]) -> None:
    with pytest.raises(AwsError, match="there is no Parameter in it"):
        _parameter(answer).read()


def test_json_that_is_nested_too_deep_is_no_ring() -> None:
    for text in ("[" * 100_000, json.dumps("x")):
        with pytest.raises(KeyRingError):
            ring_document.loads(text)
