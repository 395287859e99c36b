"""The rotation contract of Secrets Manager, on the embedded AWS."""

import uuid
from collections.abc import Mapping

import pytest

from tests.rotation.account import Account, steps
from tests.rotation.watch import Watch
from token_service.aws import aws_json
from token_service.keys import publication
from token_service.keys.change import RotationInProgressError
from token_service.keys.jwk_set import PublicationError
from token_service.keys.keyring import NoRoomError, RotationTooEarlyError, State, UnknownKeyError
from token_service.keys.ring_store import CURRENT, PENDING, ConflictError, NoKeyRingError
from token_service.keys.signer import KeyPairError


def _token() -> str:
    return str(uuid.uuid4())


def test_a_bootstrap_makes_one_ring_and_publishes_it(account: Account) -> None:
    ring = account.function().bootstrap()
    assert account.function().bootstrap() == ring == account.signing()
    account.check_consistent()


def test_a_secret_without_a_ring_says_so(account: Account) -> None:
    with pytest.raises(NoKeyRingError, match="pulumi up"):
        account.function().status()


def test_next_signs_after_a_rotation_and_current_stays_published(running: Account) -> None:
    before = running.signing()
    steps(running.function(), _token())
    after = running.signing()
    assert after.current.kid == before.next.kid
    assert {key.kid: key.state for key in after.keys}[before.current.kid] is State.PREVIOUS
    assert after.next.kid not in {key.kid for key in before.keys}
    running.check_consistent()


def test_every_step_can_be_repeated(running: Account) -> None:
    token = _token()
    function = running.function()
    for step in (
        function.create_secret,
        function.set_secret,
        function.test_secret,
        function.finish_secret,
    ):
        step(token)
        step(token)
    steps(function, token)  # Secrets Manager starts all over when a step has failed
    assert len(running.signing().keys) == 3
    running.check_consistent()


def test_a_rotation_prepares_an_empty_pending_version(running: Account) -> None:
    token = _token()
    running.make_empty_pending(token)
    steps(running.function(), token)
    running.check_consistent()


def test_a_rotation_that_comes_too_early_says_when_and_leaves_no_label(account: Account) -> None:
    account.function().bootstrap()
    token = _token()
    account.make_empty_pending(token)
    with pytest.raises(RotationTooEarlyError, match="rotate again in 37") as refused:
        account.function().create_secret(token)
    assert PENDING not in account.labels()
    possible_in = refused.value.possible_at - account.clock()
    assert possible_in == pytest.approx(account.timings.publish_before_signing, abs=5)
    account.wait(possible_in + 1)
    steps(account.function(), token)
    account.check_consistent()


def test_test_secret_alone_tests_the_current_ring(running: Account) -> None:
    """`RotateImmediately=false` makes a temporary version without a ring and runs this step."""
    token = _token()
    running.make_empty_pending(token)
    running.function().test_secret(token)


def test_test_secret_fails_on_a_key_that_is_not_published(running: Account) -> None:
    token = _token()
    running.function().create_secret(token)
    with pytest.raises(PublicationError, match="setSecret"):
        running.function().test_secret(token)


def test_test_secret_fails_on_a_published_key_that_is_another(running: Account) -> None:
    token = _token()
    function = running.function()
    function.create_secret(token)
    function.set_secret(token)
    published = dict(running.published())
    kids = list(published)
    published[kids[0]], published[kids[1]] = published[kids[1]], published[kids[0]]
    swapped = {
        kid: type(key)({**key.jwk, "kid": kid}, key.published_at) for kid, key in published.items()
    }
    running.put_sealed(publication.dumps(swapped, 2))
    with pytest.raises(KeyPairError, match="does not verify"):
        function.test_secret(token)


def test_steps_of_an_unknown_rotation_are_refused(running: Account) -> None:
    for step in (running.function().set_secret, running.function().finish_secret):
        with pytest.raises(ConflictError, match="superseded"):
            step(_token())


def test_a_previous_key_leaves_when_its_last_token_has_expired(running: Account) -> None:
    first = running.signing().current.kid
    steps(running.function(), _token())
    running.wait(running.timings.retain_after_signing - 5)
    running.function().retire()
    assert first in running.published()
    running.wait(6)
    ring = running.function().retire()
    assert first not in running.published()
    assert [key.kid for key in ring.retired] == [first]
    assert "d" not in ring.retired[0].public_jwk
    running.check_consistent()


def test_retiring_nothing_writes_nothing(running: Account) -> None:
    running.function().revoke([running.signing().next.kid])
    labels = running.labels()
    running.function().retire()
    assert running.labels() == labels


def test_a_new_algorithm_takes_effect_by_rotations(running: Account) -> None:
    running.algorithm = "EdDSA"
    steps(running.function(), _token())
    assert (running.signing().current.alg, running.signing().next.alg) == ("ES256", "EdDSA")
    running.wait(running.timings.publish_before_signing)
    steps(running.function(), _token())
    assert running.signing().current.alg == "EdDSA"
    assert {key.jwk["alg"] for key in running.published().values()} == {"ES256", "EdDSA"}
    running.check_consistent()


def test_revoking_the_current_key_lets_the_next_one_sign_at_once(running: Account) -> None:
    before = running.signing()
    running.function().revoke([before.current.kid])
    after = running.signing()
    assert after.current.kid == before.next.kid
    assert before.current.kid not in running.published()
    assert before.current.kid in after.revoked
    running.check_consistent()


def test_revoking_all_leaves_none_of_the_keys(running: Account) -> None:
    steps(running.function(), _token())
    before = {key.kid for key in running.signing().keys}
    ring = running.function().revoke(None)
    assert before == set(ring.revoked)
    assert not before & set(running.published())
    running.check_consistent()


def test_revoking_all_also_takes_the_trust_from_retired_keys(running: Account) -> None:
    """They still tell who an anonymous device is, and were in the ring that leaked."""
    first = running.signing().current.kid
    steps(running.function(), _token())
    running.wait(running.timings.retain_after_signing)
    assert [key.kid for key in running.function().retire().retired] == [first]
    ring = running.function().revoke(None)
    assert first in ring.revoked
    assert set(ring.verification_keys()) == {key.kid for key in ring.keys}


def test_revoking_twice_changes_nothing_the_second_time(running: Account) -> None:
    kid = running.signing().current.kid
    running.function().revoke([kid])
    labels = running.labels()
    running.function().revoke([kid])
    assert running.labels() == labels


def test_revoking_an_unknown_key_names_those_that_are_there(running: Account) -> None:
    with pytest.raises(UnknownKeyError, match=running.signing().current.kid):
        running.function().revoke(["another"])


def test_a_failed_rotation_is_finished_by_the_daily_clean_up(running: Account) -> None:
    before = running.signing()
    running.function().create_secret(_token())
    with pytest.raises(RotationInProgressError, match="make rotate"):
        running.function().retire()
    running.wait(3601)
    running.function().retire()
    assert running.signing().current.kid == before.next.kid
    running.check_consistent()


def test_an_empty_pending_version_is_dropped_by_the_daily_clean_up(running: Account) -> None:
    """Secrets Manager could not call the function: no step has run, and nothing has an age."""
    running.make_empty_pending(_token())
    running.function().retire()
    assert PENDING not in running.labels()
    running.check_consistent()


def test_a_second_rotation_is_refused_while_one_is_under_way(running: Account) -> None:
    running.function().create_secret(_token())
    with pytest.raises(RotationInProgressError, match="under way"):
        running.function().create_secret(_token())


def test_a_publication_written_over_by_hand_is_derived_anew(running: Account) -> None:
    client = running.function().publisher.publications.client
    client.call(
        "PutParameter",
        {"Name": running.parameter, "Value": "oops", "Type": "String", "Overwrite": True},
    )
    running.function().retire()
    running.check_consistent()
    with pytest.raises(RotationTooEarlyError):  # as nobody knows since when keys are seen
        running.function().create_secret(_token())


def test_a_ring_taken_back_by_hand_signs_and_lives_on(running: Account) -> None:
    """Somebody moves AWSCURRENT to AWSPREVIOUS, as AWS's console offers."""
    before = running.labels()[CURRENT]
    first = running.signing().current.kid
    steps(running.function(), _token())
    function = running.function()
    function.rings.make_current(before, instead_of=running.labels()[CURRENT])
    running.wait(running.timings.retain_after_signing + 1)
    function.retire()
    running.check_consistent()
    running.wait(running.timings.publish_before_signing)
    steps(function, _token())
    function.retire()
    assert first in running.published()  # it signed until a moment ago


def test_a_key_taken_back_by_hand_stays_published_when_it_is_rotated_at_once(
    running: Account,
) -> None:
    before = running.labels()[CURRENT]
    first = running.signing().current.kid
    steps(running.function(), _token())
    running.function().rings.make_current(before, instead_of=running.labels()[CURRENT])
    running.wait(running.timings.retain_after_signing + 1)
    steps(running.function(), _token())
    assert first in running.published()  # it signed until a moment ago
    running.check_consistent()


def test_a_rotation_waits_anew_when_the_publication_was_lost_in_its_midst(
    running: Account,
) -> None:
    token, before = _token(), running.labels()[CURRENT]
    function = running.function()
    function.create_secret(token)
    function.set_secret(token)
    running.put_sealed(publication.dumps({}, generation=1))
    with pytest.raises(RotationTooEarlyError):
        function.finish_secret(token)
    assert running.labels()[CURRENT] == before
    running.wait(running.timings.publish_before_signing)
    function.finish_secret(token)
    running.check_consistent()


def test_keys_that_cannot_be_published_are_not_prepared(
    running: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pending ring that can never be published would stop every later change."""
    token = _token()
    running.make_empty_pending(token)
    with monkeypatch.context() as patch:
        patch.setattr(publication, "LARGEST_DOCUMENT", publication.RESERVE + 800)
        with pytest.raises(NoRoomError, match="do not fit"):
            running.function().create_secret(token)
    assert PENDING not in running.labels()
    running.check_consistent()
    steps(running.function(), _token())


def test_a_call_whose_answer_is_lost_is_made_twice_without_harm(running: Account) -> None:
    """The client repeats it, and AWS has carried it out before."""
    plainly = aws_json.AwsJsonClient.call
    doubled: list[str] = []

    def twice(
        client: aws_json.AwsJsonClient, action: str, parameters: Mapping[str, object]
    ) -> dict[str, object]:
        plainly(client, action, parameters)
        doubled.append(action)
        return plainly(client, action, parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aws_json.AwsJsonClient, "call", twice)
        steps(running.function(), _token())
        running.function().revoke([running.signing().current.kid])
    assert {"PutSecretValue", "UpdateSecretVersionStage", "PutParameter"} <= set(doubled)
    running.check_consistent()


def test_reads_change_nothing(running: Account) -> None:
    seen: list[str] = []
    function = running.function(Watch(before=lambda _, action: seen.append(action)))
    status = function.status()
    assert (status.ring, status.published) == (running.signing(), running.published())
    assert (status.pending, status.problems) == (None, [])
    assert set(seen) == {"GetSecretValue", "GetParameter", "DescribeSecret", "Decrypt"}
