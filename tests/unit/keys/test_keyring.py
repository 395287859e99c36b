"""The life of a signing key, as pure transitions."""

import json
from dataclasses import replace

import pytest

from token_service.keys import keyring, ring_document
from token_service.keys.keyring import (
    MOST_RETIRED,
    KeyRing,
    KeyRingError,
    RetiredKey,
    RotationTooEarlyError,
    SigningKey,
    State,
    Timings,
    UnknownKeyError,
)
from token_service.keys.publication import PublishedKey

NOW = 1_800_000_000
TIMINGS = Timings(publish_before_signing=3780, retain_after_signing=4020, remember_retired=86400)


class _Keys:
    """Makes keys that are names only."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> SigningKey:
        self.made += 1
        return _key(f"key-{self.made}")


def _key(kid: str, state: State = State.NEXT) -> SigningKey:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": kid, "d": "a private member"}
    return SigningKey(kid, "EdDSA", state, NOW, jwk)


def _published(**times: float) -> PublishedKey:
    return PublishedKey({}, **{"published_at": NOW, **times})


def test_the_first_ring_has_a_key_that_signs_and_its_successor() -> None:
    ring = keyring.bootstrap(_Keys())
    assert [key.state for key in ring.keys] == [State.CURRENT, State.NEXT]


def test_a_key_signs_only_after_every_cache_has_seen_it() -> None:
    make_key = _Keys()
    ring = keyring.bootstrap(make_key)
    published = {"key-1": _published(), "key-2": _published()}
    with pytest.raises(RotationTooEarlyError) as refused:
        keyring.rotate(ring, make_key, published, NOW + 3779.9, TIMINGS)
    assert refused.value.possible_at == NOW + 3780
    rotated = keyring.rotate(ring, make_key, published, NOW + 3780, TIMINGS)
    assert {key.kid: str(key.state) for key in rotated.keys} == {
        "key-1": "previous",
        "key-2": "current",
        "key-3": "next",
    }


def test_a_key_that_is_not_published_waits_from_now_on() -> None:
    assert keyring.may_sign_at("key-1", {}, NOW, TIMINGS) == NOW + 3780


def test_a_previous_key_leaves_after_its_last_token_and_only_its_public_half_is_kept() -> None:
    ring = KeyRing((_key("old", State.PREVIOUS), _key("now", State.CURRENT), _key("next")))
    published = {"old": _published(stopped_signing_at=NOW)}
    assert keyring.retire(ring, published, NOW + 4019.9, TIMINGS) is ring
    retired = keyring.retire(ring, published, NOW + 4020, TIMINGS)
    assert [key.kid for key in retired.keys] == ["now", "next"]
    assert "private" not in json.dumps([dict(key.public_jwk) for key in retired.retired])


def test_tokens_given_under_other_settings_outlive_a_change_of_them() -> None:
    ring = KeyRing((_key("old", State.PREVIOUS), _key("now", State.CURRENT), _key("next")))
    published = {"old": _published(stopped_signing_at=NOW, retained_for=80_000)}
    assert keyring.retire(ring, published, NOW + 79_999, TIMINGS) is ring
    retired = keyring.retire(ring, published, NOW + 80_000, TIMINGS)
    assert [key.stopped_signing_at for key in retired.retired] == [NOW]


def test_a_previous_key_that_has_not_been_seen_to_stop_stays() -> None:
    ring = KeyRing((_key("old", State.PREVIOUS), _key("now", State.CURRENT), _key("next")))
    assert keyring.retire(ring, {"old": _published()}, NOW * 2, TIMINGS) is ring


def test_a_retired_key_that_no_device_can_ask_for_is_forgotten_with_the_next_change() -> None:
    """And not earlier: Secrets Manager counts a write as a rotation, and puts the next one off."""
    keys = (_key("old", State.PREVIOUS), _key("now", State.CURRENT), _key("next"))
    retired = RetiredKey("older", "EdDSA", {}, NOW)
    ring = KeyRing(keys, retired=(retired,))
    published = {"old": _published(stopped_signing_at=NOW + 80_000)}
    assert keyring.retire(ring, {}, NOW + 86_400, TIMINGS) is ring
    before = keyring.retire(ring, published, NOW + 86_399, TIMINGS)
    assert [key.kid for key in before.retired] == ["older", "old"]
    after = keyring.retire(ring, published, NOW + 86_400, TIMINGS)
    assert [key.kid for key in after.retired] == ["old"]


def test_retired_keys_never_outgrow_the_secret() -> None:
    old = tuple(RetiredKey(f"old-{n}", "EdDSA", {}, NOW + n) for n in range(MOST_RETIRED + 5))
    keys = (_key("old", State.PREVIOUS), _key("now", State.CURRENT), _key("next"))
    published = {"old": _published(stopped_signing_at=NOW)}
    timings = replace(TIMINGS, remember_retired=10**6)
    kept = keyring.retire(KeyRing(keys, retired=old), published, NOW + 4020, timings).retired
    assert [key.kid for key in kept] == [*(key.kid for key in old[6:]), "old"]
    assert len(kept) == MOST_RETIRED


def test_revoking_the_current_key_promotes_the_next_one_and_makes_another() -> None:
    make_key = _Keys()
    ring = keyring.revoke(keyring.bootstrap(make_key), ["key-1"], make_key, NOW)
    assert (ring.current.kid, ring.next.kid) == ("key-2", "key-3")
    assert ring.revoked == {"key-1": NOW}
    assert ring.forced
    published = {"key-2": _published(), "key-3": _published()}
    assert not keyring.rotate(ring, make_key, published, NOW + 3780, TIMINGS).forced


def test_revoking_all_makes_two_new_keys() -> None:
    make_key = _Keys()
    ring = keyring.revoke(keyring.bootstrap(make_key), ["key-1", "key-2"], make_key, NOW)
    assert (ring.current.kid, ring.next.kid) == ("key-3", "key-4")


def test_revoking_again_returns_the_same_ring() -> None:
    make_key = _Keys()
    ring = keyring.revoke(keyring.bootstrap(make_key), ["key-1"], make_key, NOW)
    assert keyring.revoke(ring, ["key-1"], make_key, NOW + 5) is ring


def test_a_retired_key_can_be_revoked() -> None:
    retired = (RetiredKey("old", "EdDSA", {}, NOW),)
    ring = KeyRing((_key("now", State.CURRENT), _key("next")), retired=retired)
    assert "old" not in keyring.revoke(ring, ["old"], _Keys(), NOW).verification_keys()


def test_a_key_never_seen_cannot_be_revoked() -> None:
    with pytest.raises(UnknownKeyError, match="has no key another; it has key-1, key-2"):
        keyring.revoke(keyring.bootstrap(_Keys()), ["another"], _Keys(), NOW)


def test_verification_keys_are_those_that_may_have_signed() -> None:
    keys = (_key("old", State.PREVIOUS), _key("now", State.CURRENT), _key("next"))
    ring = KeyRing(keys, retired=(RetiredKey("older", "EdDSA", {}, NOW),))
    # The next one, too: a function with a newer ring may have signed with it.
    assert set(ring.verification_keys()) == {"older", "old", "now", "next"}


def test_the_release_before_device_secrets_reads_a_ring_that_has_them() -> None:
    """It takes no further members of a key."""
    retired = (
        RetiredKey("old", "EdDSA", {}, NOW, "c2VjcmV0"),
        RetiredKey("older", "EdDSA", {}, NOW),
    )
    ring = KeyRing((_key("now", State.CURRENT), _key("next")), retired=retired)
    document = json.loads(ring_document.dumps(ring))
    assert [*document["retired"][0]] == ["kid", "alg", "public_jwk", "stopped_signing_at"]
    assert ring_document.loads(ring_document.dumps(ring)) == ring
    del document["device_secrets"]
    without = tuple(replace(key, device_secret=None) for key in retired)
    assert ring_document.loads(json.dumps(document)).retired == without


def test_a_document_reads_back_as_the_same_ring() -> None:
    make_key = _Keys()
    ring = keyring.revoke(keyring.bootstrap(make_key), ["key-1"], make_key, NOW)
    assert ring_document.loads(ring_document.dumps(ring)) == ring


@pytest.mark.parametrize(
    "document", ["", "{}", "[]", '{"version":1}', '{"version":1,"keys":[{"d":"secret"}]}']
)
def test_what_is_no_ring_is_refused_without_quoting_it(document: str) -> None:
    with pytest.raises(KeyRingError) as refused:
        ring_document.loads(document)
    assert "secret does not hold a key ring" in str(refused.value)
    assert refused.value.__suppress_context__


def test_a_ring_of_a_later_version_is_refused() -> None:
    with pytest.raises(KeyRingError, match="version 2"):
        ring_document.loads('{"version":2}')


@pytest.mark.parametrize(
    ("ring", "why"),
    [
        (KeyRing((_key("a", State.CURRENT),)), "exactly one current and one next"),
        (KeyRing((_key("a", State.CURRENT), _key("a"))), "twice"),
        (KeyRing((_key("a", State.CURRENT), _key("b")), revoked={"b": NOW}), "revoked"),
    ],
)
def test_a_ring_that_breaks_an_invariant_is_not_read(ring: KeyRing, why: str) -> None:
    with pytest.raises(KeyRingError, match=why):
        ring_document.loads(ring_document.dumps(ring))


def test_private_members_are_not_in_a_representation() -> None:
    assert "private member" not in repr(keyring.bootstrap(_Keys()))


EDITS: dict[str, tuple[object, ...]] = {
    "generation": ("x", None, -1, True, 1.5),
    "derived_from": (5, [], {}),
    "forced": ("x", None, 1),
    "retired": (None, "x", [1], [{}], [{"kid": 1}]),
    "revoked": (None, [], "x", {"gone": "x"}),
}


@pytest.mark.parametrize(("name", "told"), [(n, told) for n, of in EDITS.items() for told in of])
def test_a_member_of_the_ring_that_cannot_be_locks_nothing(
    name: str, told: object, caplog: pytest.LogCaptureFixture
) -> None:
    make_key = _Keys()
    ring = keyring.bootstrap(make_key)
    document = {**json.loads(ring_document.dumps(ring)), name: told}
    read = ring_document.loads(json.dumps(document))
    assert read.keys == ring.keys
    assert f"the member {name}" in caplog.text
    changed = keyring.revoke(read, ["key-1"], make_key, NOW)
    assert ring_document.loads(ring_document.dumps(changed)) == changed


@pytest.mark.parametrize("told", [None, 5, [], "x"])
@pytest.mark.parametrize("name", ["alg", "created_at", "private_jwk"])
def test_a_key_with_a_member_that_cannot_be_can_still_be_revoked(
    name: str, told: object, caplog: pytest.LogCaptureFixture
) -> None:
    make_key = _Keys()
    document = json.loads(ring_document.dumps(keyring.bootstrap(make_key)))
    document["keys"][0][name] = told
    ring = ring_document.loads(json.dumps(document))
    if (name, told) not in (("alg", "x"), ("created_at", 5)):
        assert "of key 'key-1' of the key ring cannot be read" in caplog.text
    assert "private member" not in caplog.text
    assert keyring.revoke(ring, ["key-1"], make_key, NOW).current.kid == "key-2"


def test_a_member_of_a_jwk_that_is_no_text_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    document = json.loads(ring_document.dumps(keyring.bootstrap(_Keys())))
    document["keys"][0]["private_jwk"]["more"] = 5
    assert "more" not in ring_document.loads(json.dumps(document)).keys[0].private_jwk
    assert "the member JWK of key 'key-1' of the key ring cannot be read" in caplog.text


@pytest.mark.parametrize("edit", [{"kid": None}, {"kid": ""}, {"state": "x"}, {"state": None}])
def test_a_key_without_a_name_or_a_state_makes_no_ring(edit: dict[str, object]) -> None:
    document = json.loads(ring_document.dumps(keyring.bootstrap(_Keys())))
    document["keys"][0].update(edit)
    with pytest.raises(KeyRingError):
        ring_document.loads(json.dumps(document))
