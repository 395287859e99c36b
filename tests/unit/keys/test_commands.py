"""What the rotate function makes of the events that it gets."""

import json
from dataclasses import replace

import pytest

from tests.rotation.account import Account
from token_service.keys.commands import InvalidEventError, RotateCommands, RotationOverdueError
from token_service.keys.keyring import RotationTooEarlyError

TOKEN = "2f1c1a55-7e54-4b06-9d0e-0b5a3e1f7c11"


def _step(account: Account, step: str) -> dict[str, object]:
    return {"Step": step, "SecretId": account.secret_arn, "ClientRequestToken": TOKEN}


def test_the_four_steps_rotate(account: Account, commands: RotateCommands) -> None:
    before = account.function().bootstrap()
    account.wait(account.timings.publish_before_signing)
    for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
        assert commands.run(_step(account, step)) == {}
    assert account.signing().current.kid == before.next.kid


def test_a_refusal_is_raised_to_the_caller(account: Account, commands: RotateCommands) -> None:
    account.function().bootstrap()
    with pytest.raises(RotationTooEarlyError, match="at epoch second"):
        commands.run(_step(account, "createSecret"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"Step": "deleteSecret"}, "Step"),
        ({"ClientRequestToken": None}, "token"),
        ({"SecretId": "arn:another"}, "not the key-ring secret"),
    ],
)
def test_a_step_of_something_else_is_refused(
    account: Account, commands: RotateCommands, change: dict[str, object], why: str
) -> None:
    with pytest.raises(InvalidEventError, match=why):
        commands.run({**_step(account, "setSecret"), **change})


@pytest.mark.parametrize("event", [{}, {"action": "delete"}, {"action": None}])
def test_an_unknown_action_is_refused_with_those_known(
    commands: RotateCommands, event: dict[str, object]
) -> None:
    with pytest.raises(
        InvalidEventError, match="publish, bootstrap, retire, watch, revoke, status"
    ):
        commands.run(event)


@pytest.mark.parametrize("kids", [None, "kid", [1], {"all": True}])
def test_revoke_wants_a_list_of_keys_or_all(commands: RotateCommands, kids: object) -> None:
    with pytest.raises(InvalidEventError, match="kids"):
        commands.run({"action": "revoke", "kids": kids})


def test_revoke_tells_until_when_verifiers_may_accept_the_key(
    account: Account, commands: RotateCommands
) -> None:
    ring = account.function().bootstrap()
    told = commands.run({"action": "revoke", "kids": [ring.current.kid]})
    assert told["revoked"] == [ring.current.kid]
    assert told["current"] == ring.next.kid
    busy, idle = told["refused_by_busy_verifiers_at"], told["refused_by_all_verifiers_at"]
    assert isinstance(busy, int)
    assert isinstance(idle, int)
    assert busy - account.clock() == pytest.approx(420, abs=5)
    assert idle - account.clock() == pytest.approx(3720, abs=5)


def test_revoke_tells_from_when_on_verifiers_know_the_key_that_took_over(
    account: Account, commands: RotateCommands
) -> None:
    function = account.function()
    first = function.bootstrap()
    account.wait(account.timings.publish_before_signing)
    told = commands.run({"action": "revoke", "kids": [first.current.kid]})
    known_at = told["current_known_to_all_verifiers_at"]
    assert isinstance(known_at, int)
    assert known_at <= account.clock() + 1
    account.wait(10)
    told = commands.run({"action": "revoke", "all": True})
    known_at = told["current_known_to_all_verifiers_at"]
    assert isinstance(known_at, int)
    assert known_at - account.clock() == pytest.approx(3780, abs=5)
    assert isinstance(told["revoked"], list)
    assert first.current.kid not in told["revoked"]  # it was before
    assert first.next.kid in told["revoked"]


def test_status_shows_the_life_of_each_key_and_nothing_private(
    account: Account, commands: RotateCommands
) -> None:
    account.function().bootstrap()
    account.wait(account.timings.publish_before_signing)
    for step in ("createSecret", "setSecret"):
        commands.run(_step(account, step))
    told = commands.run({"action": "status"})
    assert [key["state"] for key in _keys(told)] == ["current", "next"]
    assert isinstance(told["change_in_progress"], dict)
    assert told["change_in_progress"]["version_id"] == TOKEN
    commands.run(_step(account, "finishSecret"))
    told = commands.run({"action": "status"})
    previous = next(key for key in _keys(told) if key["state"] == "previous")
    assert previous["leaves_at"] == pytest.approx(
        account.clock() + account.timings.retain_after_signing, abs=5
    )
    assert told["change_in_progress"] is None
    text = json.dumps(told)
    assert all(key.private_jwk["d"] not in text for key in account.signing().keys)


def test_a_revocation_that_cannot_be_published_succeeds_and_says_so(
    account: Account, commands: RotateCommands
) -> None:
    ring = account.function().bootstrap()
    assert account.model is not None
    account.model.unreachable.add("ssm")
    told = commands.run({"action": "revoke", "kids": [ring.current.kid]})
    assert (told["revoked"], told["current"]) == ([ring.current.kid], ring.next.kid)
    assert isinstance(told["problems"], list)
    assert told["problems"][0]["problem"] == "the JWKS cannot be read"
    assert "TimeoutError" in told["problems"][0]["detail"]
    assert commands.run({"action": "status"})["problems"] == told["problems"]
    account.model.unreachable.clear()
    told = commands.run({"action": "status"})
    assert told["problems"] == [
        {"problem": "not published", "kid": account.signing().next.kid, "detail": None},
        {"problem": "revoked and still published", "kid": ring.current.kid, "detail": None},
    ]
    json.dumps(told)


def test_a_revocation_without_problems_says_so(account: Account, commands: RotateCommands) -> None:
    kid = account.function().bootstrap().current.kid
    assert commands.run({"action": "revoke", "kids": [kid]})["problems"] == []


def test_status_lists_retired_keys(account: Account, commands: RotateCommands) -> None:
    first = account.function().bootstrap().current.kid
    assert commands.run({"action": "status"})["retired"] == []
    account.wait(account.timings.publish_before_signing)
    for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
        commands.run(_step(account, step))
    account.wait(account.timings.retain_after_signing)
    commands.run({"action": "retire"})
    told = commands.run({"action": "status"})
    assert isinstance(told["retired"], list)
    (retired,) = told["retired"]
    assert (retired["kid"], retired["alg"]) == (first, "ES256")
    assert retired["stopped_signing_at"] == pytest.approx(
        account.clock() - account.timings.retain_after_signing, abs=5
    )


def test_status_shows_the_keys_of_former_signers_beside_the_ring(
    account: Account, commands: RotateCommands
) -> None:
    ring = account.function().bootstrap()
    former = {"kid": "former", "alg": "RS256", "until": 1}
    settings = commands.settings._replace(legacy_keys=[former])
    told = replace(commands, settings=settings).run({"action": "status"})
    assert told["legacy_keys"] == [former]
    assert {key["kid"] for key in _keys(told)} == {key.kid for key in ring.keys}


def test_retire_tells_the_keys_that_are_left(account: Account, commands: RotateCommands) -> None:
    ring = account.function().bootstrap()
    assert commands.run({"action": "retire"}) == {"kids": [key.kid for key in ring.keys]}


def test_a_key_that_signs_for_too_long_is_an_error_once_the_work_is_done(
    account: Account, commands: RotateCommands
) -> None:
    """Secrets Manager may not invoke the function any more: nothing else would raise an alarm."""
    account.function().bootstrap()
    account.wait(33 * 86_400 - 5)
    commands.run({"action": "retire"})
    account.make_empty_pending(TOKEN)
    account.wait(10)
    with pytest.raises(RotationOverdueError, match=r"has signed for 33 days, .* every 30"):
        commands.run({"action": "retire"})
    account.check_consistent()


def test_an_event_is_never_logged(
    account: Account, commands: RotateCommands, caplog: pytest.LogCaptureFixture
) -> None:
    account.function().bootstrap()
    with caplog.at_level("DEBUG"):
        commands.run({**_step(account, "testSecret"), "RotationToken": "a credential"})
    assert "testSecret" in caplog.text
    assert "a credential" not in caplog.text
    assert TOKEN not in caplog.text


def _keys(told: dict[str, object]) -> list[dict[str, object]]:
    keys = told["keys"]
    assert isinstance(keys, list)
    return keys
