"""What is published, and since when."""

import json

import pytest

from token_service.keys import publication, publisher
from token_service.keys.key_generation import generate_private_jwk
from token_service.keys.keyring import KeyRing, SigningKey, State
from token_service.keys.publication import PublicationError, PublishedKey

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
    before = {"now": PublishedKey({}, published_at=1, signing_since=2, stopped_signing_at=3)}
    again = publisher.derive(CURRENT, [], before, NOW, RETAIN)["now"]
    assert (again.signing_since, again.stopped_signing_at) == (2, None)


def test_a_key_is_retained_as_long_as_the_settings_have_asked_for_while_it_signed() -> None:
    derived = publisher.derive(CURRENT, [], {}, NOW, 90_000)
    derived = publisher.derive(CURRENT, [], derived, NOW, 4020)
    derived = publisher.derive(ROTATED, [], derived, NOW, 100_000)
    assert derived["now"].retained_for == 90_000
    assert derived["new"].retained_for == 0


def test_a_document_reads_back_and_has_nothing_private() -> None:
    derived = publisher.derive(CURRENT, [], {}, NOW, RETAIN)
    document = publication.dumps(derived, 7)
    assert publication.loads(document) == derived
    assert publication.generation(document) == 7
    assert "private" not in document


def test_the_jwks_has_public_members_only_and_none_of_ours() -> None:
    document = publication.dumps(publisher.derive(CURRENT, [], {}, NOW, RETAIN), 1)
    for key in json.loads(publication.jwks(document))["keys"]:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
        assert key["use"] == "sig"


@pytest.mark.parametrize("document", ["", "[]", "{}", '{"keys":[{}]}', '{"keys":[1]}', "null"])
def test_what_is_no_publication_is_refused(document: str) -> None:
    with pytest.raises(PublicationError):
        publication.loads(document)


def test_a_publication_that_ssm_would_refuse_says_what_to_do() -> None:
    jwk = {**generate_private_jwk("RS256"), "kid": "k", "alg": "RS256"}
    jwk = {name: jwk[name] for name in ("kty", "n", "e", "kid", "alg")}
    many = {f"k{n}": PublishedKey(jwk, published_at=NOW) for n in range(20)}
    with pytest.raises(PublicationError, match="rotate less"):
        publication.dumps(many, 1)
