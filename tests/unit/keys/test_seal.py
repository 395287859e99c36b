"""What a JWKS function believes of the parameter: what the rotate function has put there."""

import base64
import json
from collections.abc import Callable

import pytest

from tests.rotation.account import Account, steps
from token_service.aws.aws_json import AwsError, AwsUnreachableError
from token_service.keys import publication
from token_service.keys.publication import LARGEST_DOCUMENT
from token_service.keys.seal import (
    LARGEST_SEAL,
    Claim,
    SealedReader,
    SealError,
    StoredValue,
    attached,
    detached,
)
from token_service.keys.seal_key import SealKey

ATTACKERS_KEY = {"kty": "OKP", "crv": "Ed25519", "x": "x", "kid": "attacker", "alg": "EdDSA"}

Attack = Callable[[Account, str, str], None]


@pytest.fixture
def account() -> Account:
    """A ring that has been rotated."""
    account = Account(in_model=True)
    account.function().bootstrap()
    account.wait(account.timings.publish_before_signing)
    return account


def _stored(account: Account) -> str:
    assert account.model is not None
    assert account.model.document is not None
    return account.model.document


def _put(account: Account, text: str) -> None:
    """What `ssm:PutParameter` does, by whom you like."""
    assert account.model is not None
    account.model.call(
        "ssm",
        "PutParameter",
        {"Name": account.parameter, "Value": text, "Tier": "Advanced", "Overwrite": True},
    )


def _make_anew(account: Account, text: str, version: int) -> None:
    """Delete the parameter, make it again, and write it until it has this version."""
    assert account.model is not None
    account.model.document_version = 0
    for _ in range(version):
        _put(account, text)


def _with_another_key(text: str) -> str:
    document = json.loads(text)
    document["keys"].append({**ATTACKERS_KEY, "published_at": 1.0})
    return json.dumps(document, separators=(",", ":"))


def _append_a_key(account: Account, now: str, _old: str) -> None:
    _put(account, _with_another_key(now))


def _append_a_key_to_the_text(account: Account, now: str, _old: str) -> None:
    """The member stands twice: a parser takes the last one, wherever the seal is."""
    document, seal = detached(now)
    _put(account, attached(document, f'{seal}","keys":[{json.dumps(ATTACKERS_KEY)}],"z":"'))


def _replace_the_set(account: Account, _now: str, _old: str) -> None:
    _put(account, json.dumps({"keys": [ATTACKERS_KEY]}))


def _keep_the_seal(account: Account, now: str, _old: str) -> None:
    seal = detached(now)[1]
    assert seal is not None
    _put(account, attached(json.dumps({"keys": [ATTACKERS_KEY]}), seal))


def _take_the_seal_off(account: Account, now: str, _old: str) -> None:
    _put(account, detached(now)[0])


def _put_an_old_one_back(account: Account, _now: str, old: str) -> None:
    _put(account, old)


def _put_an_old_one_back_in_a_new_parameter(account: Account, _now: str, old: str) -> None:
    """Its version is right."""
    _make_anew(account, old, 2)


def _cut_it_off(account: Account, now: str, _old: str) -> None:
    _put(account, now[: len(now) // 2])


def _seal_for_another_parameter(account: Account, now: str, _old: str) -> None:
    document = json.loads(_with_another_key(detached(now)[0]))
    key = SealKey("key", "/another", account._kms)
    text = json.dumps(document)
    claim = Claim.of(text, account.function().publisher.look().version + 1, account.clock())
    _put(account, attached(text, key.close(claim.dumps())))


def _make_a_seal_up(account: Account, now: str, _old: str) -> None:
    _put(
        account,
        attached(_with_another_key(detached(now)[0]), base64.b64encode(b"x" * 240).decode()),
    )


ATTACKS: list[Attack] = [
    _append_a_key,
    _append_a_key_to_the_text,
    _replace_the_set,
    _keep_the_seal,
    _take_the_seal_off,
    _put_an_old_one_back,
    _put_an_old_one_back_in_a_new_parameter,
    _cut_it_off,
    _seal_for_another_parameter,
    _make_a_seal_up,
]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
def test_what_somebody_else_writes_is_not_believed(
    account: Account, attack: Attack, warm: bool
) -> None:
    reader = account.reader()
    old = _stored(account)
    steps(account.function(), "2f1c1a55-7e54-4b06-9d0e-0b5a3e1f7c11")
    if warm:
        assert reader() == account.served()
    ours = account.served()
    attack(account, _stored(account), old)
    for _ in range(2):
        with pytest.raises(SealError):
            reader()
    assert "attacker" not in account.function().publisher.published()
    account.function().publisher.publish()
    assert set(publication.loads(reader(), 0)) == set(publication.loads(ours, 0))
    account.check_consistent()


def test_a_new_parameter_of_minutes_ago_is_not_believed_by_who_knows_better(
    account: Account,
) -> None:
    """A cold function knows nothing of a later one; five minutes later no function believes it."""
    account.put_sealed(account.served())
    old = _stored(account)
    revoked = account.signing().current.kid
    account.function().revoke([revoked])
    reader = account.reader()
    assert revoked not in reader()
    _make_anew(account, old, 3)
    with pytest.raises(SealError, match="older than the one served"):
        reader()
    account.wait(301)
    _make_anew(account, old, 3)
    with pytest.raises(SealError, match="after its document was sealed"):
        account.reader()()


def test_a_parameter_made_anew_by_the_rotate_function_is_believed(account: Account) -> None:
    reader = account.reader()
    reader()
    account.wait(1)
    _make_anew(account, '{"keys":[]}', 1)
    account.function().publisher.publish()
    assert reader() == account.served()


def test_what_stands_there_already_may_be_put_back_once(account: Account) -> None:
    """As a client does that has not heard the answer."""
    account.put_sealed(account.served())
    reader = account.reader()
    ours = reader()
    _put(account, _stored(account))
    assert reader() == account.served() == ours
    _put(account, _stored(account))
    with pytest.raises(SealError, match="stands as version"):
        reader()


def test_a_document_is_opened_once(account: Account) -> None:
    assert account.model is not None
    reader = account.reader()
    ours = reader()
    account.model.unreachable.add("kms")
    assert reader() == ours
    with pytest.raises(AwsUnreachableError):
        account.reader()()
    account.model.unreachable.clear()
    _append_a_key(account, _stored(account), "")
    for _ in range(2):
        with pytest.raises(SealError):
            reader()
        account.model.unreachable.add("kms")


def test_another_call_that_was_quicker_leaves_nothing_unserved(account: Account) -> None:
    """The seal is for a version that the document has not got then."""
    assert account.model is not None
    first, second = account.function().publisher, account.function().publisher
    seen = first.look()
    document = account.served()
    assert second._write(document, seen)
    account.model.document_version += 1  # and another one
    assert not first._write(document, seen)
    assert account.served() == document
    assert first.look().problem is None


def test_stamps_of_an_old_document_of_ours_are_believed(account: Account) -> None:
    """They were true; of a stranger's document nothing is."""
    before = account.published()
    old = _stored(account)
    account.wait(400)
    account.put_sealed(account.served())
    _put(account, old)
    assert account.function().publisher.look().problem is not None
    assert account.function().publisher.published() == before
    _take_the_seal_off(account, old, "")
    assert account.function().publisher.published() == {}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[1,2]", '["a","b","c"]', "[1,1e999,1]", '["x",1,[]]', "[" * 50_000],
)
def test_a_seal_without_a_claim_is_none(text: str) -> None:
    stored = StoredValue(attached('{"keys":[]}', "c2VhbA=="), 1, 0.0)
    with pytest.raises(SealError):
        SealedReader(lambda: stored, lambda _: text)()


@pytest.mark.parametrize("seal", ["", "ä", "not base64!", "a", "QUFB" * LARGEST_SEAL])
def test_what_is_no_seal_costs_no_call(account: Account, seal: str) -> None:
    assert account.model is not None
    account.model.unreachable.add("kms")
    with pytest.raises(SealError):
        account.function().publisher.seal_key.open(seal)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "DisabledException", "NotFoundException"]
)
def test_a_key_that_cannot_be_used_is_no_proof_of_anything(
    account: Account, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert account.model is not None

    def refused(*_: object) -> dict[str, object]:
        raise AwsError("kms", "Decrypt", code, "")

    monkeypatch.setattr(account.model, "_decrypt", refused)
    with pytest.raises(AwsError, match=code):
        account.reader()()
    with pytest.raises(AwsError, match=code):
        account.function().publisher.publish()


def test_without_a_key_the_former_releases_way_goes_on() -> None:
    """While the former release is deployed again, its environment names no key."""
    stored = StoredValue('{"keys":[]}', 1, 0.0)
    assert SealedReader(lambda: stored, None)() == '{"keys":[]}'
    sealed = StoredValue(attached('{"keys":[]}', "c2VhbA=="), 1, 0.0)
    assert SealedReader(lambda: sealed, None)() == '{"keys":[]}'


def test_a_sealed_document_is_still_a_jwk_set_for_the_former_release(account: Account) -> None:
    assert json.loads(_stored(account))["keys"] == json.loads(account.served())["keys"]


def test_the_largest_document_and_its_seal_fit_into_the_parameter(account: Account) -> None:
    key = {"kty": "OKP", "crv": "Ed25519", "x": "x" * 900, "kid": "", "alg": "EdDSA"}
    keys: dict[str, publication.PublishedKey] = {}
    while publication.fits([k.jwk for k in keys.values()]):
        kid = f"{len(keys)}"
        keys[kid] = publication.PublishedKey({**key, "kid": kid}, 9_999_999_999.999)
    keys.popitem()
    document = publication.dumps(keys, 10**12)
    claim = Claim.of(document, 10**9, 9_999_999_999.999)
    real = len(claim.dumps()) + 160  # what KMS makes of it
    assert (real + 2) // 3 * 4 <= LARGEST_SEAL
    assert len(attached(document, "s" * LARGEST_SEAL)) <= LARGEST_DOCUMENT
