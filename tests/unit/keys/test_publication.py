"""What is published, and since when."""

import json

import pytest

from powersync_auth.timings import Timings
from token_service.keys import jwk_set, publication, publisher
from token_service.keys.jwk_set import PublicationError
from token_service.keys.key_generation import generate_private_jwk
from token_service.keys.keyring import KeyRing, SigningKey, State
from token_service.keys.publication import PublishedKey

KEY = {"kty": "OKP", "crv": "Ed25519", "x": "x", "kid": "k", "alg": "EdDSA", "use": "sig"}
NOW = 1_800_000_000.5
RETAIN = 4020


def _key(kid: str, state: State) -> SigningKey:
    jwk = {"kty": "EC", "crv": "P-256", "x": kid, "y": "y", "d": "a private member"}
    return SigningKey(kid, "ES256", state, 0, jwk)


CURRENT = KeyRing(
    (_key("old", State.PREVIOUS), _key("now", State.CURRENT), _key("next", State.NEXT))
)
ROTATED = KeyRing(
    (_key("now", State.PREVIOUS), _key("next", State.CURRENT), _key("new", State.NEXT))
)


def test_keys_of_the_ring_in_use_and_of_those_prepared_are_published() -> None:
    derived = publisher.derive(CURRENT, [ROTATED], {}, NOW, RETAIN)
    assert set(derived) == {"old", "now", "next", "new"}


def test_a_key_that_a_prepared_ring_revokes_is_not_published_any_more() -> None:
    revoking = KeyRing(
        (_key("next", State.CURRENT), _key("new", State.NEXT)), revoked={"now": 1, "old": 1}
    )
    assert set(publisher.derive(CURRENT, [revoking], {}, NOW, RETAIN)) == {"next", "new"}


def test_times_are_stamped_when_something_is_seen_first_and_then_stay() -> None:
    first = publisher.derive(CURRENT, [], {}, NOW, RETAIN)
    assert (first["next"].published_at, first["next"].signing_since) == (NOW, None)
    assert (first["now"].signing_since, first["now"].stopped_signing_at) == (NOW, None)
    assert first["old"].stopped_signing_at == NOW
    assert publisher.derive(CURRENT, [], first, NOW + 60, RETAIN) == first


def test_a_prepared_ring_does_not_stamp_that_a_key_stops() -> None:
    assert publisher.derive(CURRENT, [ROTATED], {}, NOW, RETAIN)["now"].stopped_signing_at is None


def test_a_key_that_signs_again_has_not_stopped() -> None:
    before = {
        "now": PublishedKey(
            _key("now", State.CURRENT).published_jwk,
            published_at=1,
            signing_since=2,
            stopped_signing_at=3,
        )
    }
    again = publisher.derive(CURRENT, [], before, NOW, RETAIN)["now"]
    assert (again.signing_since, again.stopped_signing_at) == (2, None)


def test_a_key_is_retained_as_long_as_the_settings_have_asked_for_while_it_signed() -> None:
    derived = publisher.derive(CURRENT, [], {}, NOW, 90_000)
    derived = publisher.derive(CURRENT, [], derived, NOW, 4020)
    derived = publisher.derive(ROTATED, [], derived, NOW, 90_100)
    assert derived["now"].retained_for == 90_000
    assert derived["new"].retained_for == 0


def test_a_document_reads_back_and_has_nothing_private() -> None:
    derived = publisher.derive(CURRENT, [], {}, NOW, RETAIN)
    document = publication.dumps(derived, 7)
    # To the letter: what differs would be written again and again.
    assert publication.dumps(publication.loads(document, NOW), 7) == document
    assert publication.loads(document, NOW) == derived
    assert publication.generation(document) == 7
    assert "private" not in document


def test_the_jwks_has_public_members_only_and_none_of_ours() -> None:
    document = publication.dumps(publisher.derive(CURRENT, [], {}, NOW, RETAIN), 1)
    for key in json.loads(jwk_set.served(document))["keys"]:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
        assert key["use"] == "sig"


@pytest.mark.parametrize("document", ["", "[]", "{}", "null", '{"keys":1}', "[" * 10**5])
def test_what_is_no_publication_is_refused(document: str) -> None:
    with pytest.raises(PublicationError):
        publication.loads(document, NOW)


def test_a_publication_that_ssm_would_refuse_says_what_to_do() -> None:
    jwk = {**generate_private_jwk("RS256"), "kid": "k", "alg": "RS256"}
    jwk = {name: jwk[name] for name in ("kty", "n", "e", "kid", "alg")}
    many = {f"k{n}": PublishedKey(jwk, published_at=NOW) for n in range(20)}
    with pytest.raises(PublicationError, match="rotate less"):
        publication.dumps(many, 1)


BROKEN_KEYS: list[object] = [
    *({}, 1, None, [], {**KEY, "kty": []}, {**KEY, "kid": None}, {**KEY, "x": 5}),
    *({name: value for name, value in KEY.items() if name != gone} for gone in KEY),
]


@pytest.mark.parametrize("key", BROKEN_KEYS, ids=repr)
def test_a_key_that_is_none_is_left_out_and_the_set_is_not_served(key: object) -> None:
    """To PowerSync a key that is missing is gone; an error lets it keep those it has."""
    document = json.dumps({"keys": [{**KEY, "kid": "good", "published_at": 5}, key]})
    assert publication.loads(document, NOW).keys() == {"good"}
    with pytest.raises(PublicationError):
        jwk_set.served(document)


def test_what_else_stands_in_a_key_is_not_served() -> None:
    served = json.loads(jwk_set.served(json.dumps({"keys": [{**KEY, "d": "d", "more": [1]}]})))
    assert served == {"keys": [KEY]}


NO_TIMES: list[object] = ["x", True, [], {}, 0, -5, float("nan")]
IN_THE_FUTURE = [NOW + 61, 32_503_680_000, 10**400, float("inf")]
IMPOSSIBLE: dict[str, list[tuple[list[object], float | None]]] = {
    "published_at": [([None, *NO_TIMES, *IN_THE_FUTURE], NOW)],
    "signing_since": [(NO_TIMES, None), ([*IN_THE_FUTURE], NOW)],
    # 1001 s before now is before it was published.
    "stopped_signing_at": [([*NO_TIMES, NOW - 1001], None), ([*IN_THE_FUTURE], NOW)],
    "retained_for": [
        ([None, "x", True, -1, float("nan"), -(10**400)], 0.0),
        ([90_121, 10**400, float("inf")], 90_120.0),
    ],
}


@pytest.mark.parametrize(
    ("name", "told", "read"),
    [(n, told, read) for n, cases in IMPOSSIBLE.items() for tolds, read in cases for told in tolds],
)
def test_what_cannot_be_is_logged_and_counts_as_not_said_or_as_now(
    name: str, told: object, read: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    member = {**KEY, "published_at": NOW - 1000, name: told}
    key = publication.loads(json.dumps({"keys": [member]}), NOW)["k"]
    assert getattr(key, name) == read
    assert f"{name} of key 'k'" in caplog.text


def test_what_can_be_is_read_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    """Another function's clock may be ahead by a little."""
    times = {"published_at": NOW + 60, "signing_since": 1, "stopped_signing_at": NOW + 60}
    member = {**KEY, **times, "retained_for": 90_120}
    key = publication.loads(json.dumps({"keys": [member]}), NOW)["k"]
    assert key == PublishedKey(KEY, NOW + 60, 1, NOW + 60, 90_120)
    assert not caplog.text


@pytest.mark.parametrize("told", ["x", None, True, -1, 1.5, []])
def test_a_generation_that_cannot_be_counts_as_none_yet(told: object) -> None:
    assert publication.generation(json.dumps({"keys": [], "generation": told})) == 0


def test_a_key_that_was_published_as_another_one_is_published_only_now() -> None:
    derived = publisher.derive(CURRENT, [], {}, NOW, RETAIN)
    edited = {**derived["next"].jwk, "x": "another"}
    before = {**derived, "next": PublishedKey(edited, published_at=5)}
    after = publisher.derive(CURRENT, [], before, NOW, RETAIN)
    assert after["next"].published_at == NOW
    assert after["next"].jwk == derived["next"].jwk


def test_no_settings_ask_for_a_longer_retention() -> None:
    longest = Timings.derive(verifier_cache=86_400, token_lifetime=86_400)
    assert longest.retain_after_signing == publication.LONGEST_RETENTION
