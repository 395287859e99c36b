"""What the rotate function makes of the events that it gets."""

import json
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.loopback import Request, Response, serving
from tests.rotation.account import Account
from token_service.endpoints.jwks import JWKS_PATH, JwksEndpoint
from token_service.keys.commands import (
    InvalidEventError,
    JwksNotServedError,
    RotateCommands,
    RotationOverdueError,
)
from token_service.keys.keyring import RotationTooEarlyError
from token_service.settings import JwksSettings, RotationSettings

TOKEN = "2f1c1a55-7e54-4b06-9d0e-0b5a3e1f7c11"


@pytest.fixture
def account() -> Account:
    return Account(in_model=True)


@pytest.fixture
def commands(account: Account) -> RotateCommands:
    settings = RotationSettings(
        secret_arn=account.secret_arn,
        parameter=account.parameter,
        signing_algorithm="ES256",
        publish_before_signing=account.timings.publish_before_signing,
        retain_after_signing=account.timings.retain_after_signing,
        remember_retired=0,
        verifier_cache=3600,
        jwks_max_age=120,
        rotation_days=30,
    )
    return RotateCommands(account.function(), settings, account.wait)


@pytest.fixture
def jwks_uri(account: Account) -> Iterator[str]:
    """The public URI: the real endpoint behind a real server."""
    endpoint = JwksEndpoint(
        JwksSettings(account.parameter, 0, 0, {}),
        account.reader(),
        account.clock,
    )

    def answer(request: Request) -> Response:
        http_context = {"http": {"method": request.method}}
        served = endpoint({"rawPath": request.path, "requestContext": http_context}, None)
        return Response(int(str(served["statusCode"])), str(served["body"]).encode())

    with serving(answer) as url:
        yield f"{url}{JWKS_PATH}"


def _step(account: Account, step: str) -> dict[str, object]:
    return {"Step": step, "SecretId": account.secret_arn, "ClientRequestToken": TOKEN}


def test_a_bootstrap_ends_when_the_jwks_is_served(
    account: Account, commands: RotateCommands, jwks_uri: str
) -> None:
    event = {"action": "bootstrap", "jwks_uri": jwks_uri}
    served = commands.run(event)["served"]
    assert served == sorted(account.published())
    assert commands.run(event)["served"] == served


def test_a_bootstrap_fails_where_the_jwks_is_not_served(
    account: Account, commands: RotateCommands
) -> None:
    started = account.clock()
    with pytest.raises(JwksNotServedError, match=r"127\.0\.0\.1:1"):
        commands.run({"action": "bootstrap", "jwks_uri": "http://127.0.0.1:1/jwks.json"})
    assert account.clock() - started >= 75


@pytest.fixture
def jwks_server(account: Account, certificate: Path) -> Iterator[str]:
    """A host that serves the ring's keys to the name that its certificate is for, `localhost`."""

    def answer(request: Request) -> Response:
        if request.path != JWKS_PATH or not request.headers["host"].startswith("localhost"):
            return Response(status=404)
        return Response(
            body=json.dumps({"keys": [{"kid": k} for k in account.published()]}).encode()
        )

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(answer, context) as url:
        yield url.rpartition("/")[2].replace("localhost", "127.0.0.1")


@pytest.mark.usefixtures("trusted")
def test_a_domain_is_looked_at_before_dns_leads_to_it(
    account: Account, commands: RotateCommands, jwks_server: str
) -> None:
    """It is asked for by its name, and its certificate has to be for it."""
    event = {
        "action": "bootstrap",
        "jwks_uri": f"https://localhost{JWKS_PATH}",
        "connect_to": jwks_server,
    }
    assert commands.run(event)["served"] == sorted(account.published())
    for another in (f"https://auth.example.com{JWKS_PATH}", "https://localhost/elsewhere"):
        with pytest.raises(JwksNotServedError, match=another):
            commands.run({**event, "jwks_uri": another})
    for wrong in ({"jwks_uri": "http://localhost"}, {"connect_to": 1}):
        with pytest.raises(InvalidEventError, match="`connect_to`"):
            commands.run({**event, **wrong})


def test_a_bootstrap_waits_until_its_permissions_have_arrived(
    account: Account, commands: RotateCommands, jwks_uri: str
) -> None:
    assert account.model is not None
    account.model.unreachable.add("secretsmanager")
    arrived = account.clock() + 20
    wait = commands.sleep

    def sleep(seconds: float) -> None:
        wait(seconds)
        if account.clock() > arrived and account.model is not None:
            account.model.unreachable.clear()

    patient = RotateCommands(commands.rotation, commands.settings, sleep)
    assert patient.run({"action": "bootstrap", "jwks_uri": jwks_uri})["served"]


@pytest.mark.parametrize(
    "told",
    [
        {"jwks_uri": "https://elsewhere.example/.well-known/jwks.json"},
        {"jwks_uri": "https://auth.example.com/.well-known/jwks.json"},
        {"jwks_uri": "https://auth.example.com/.well-known/jwks.json", "connect_to": "10.0.0.1"},
    ],
)
def test_a_bootstrap_asks_the_apis_own_jwks_only(
    commands: RotateCommands, told: dict[str, str]
) -> None:
    """Whoever may invoke the function cannot have it call a host of theirs."""
    own = {
        "jwks_uri": "https://auth.example.com/.well-known/jwks.json",
        "connect_to": "d-1.execute-api.eu-central-1.amazonaws.com",
    }
    settings = replace(commands.settings, jwks_reached=own)
    closed = RotateCommands(commands.rotation, settings, commands.sleep)
    with pytest.raises(InvalidEventError, match="not where this API is reached"):
        closed.run({"action": "bootstrap", **told})


@pytest.mark.parametrize("uri", [None, "file:///etc/passwd", "jwks.json"])
def test_a_bootstrap_asks_web_addresses_only(commands: RotateCommands, uri: object) -> None:
    with pytest.raises(InvalidEventError, match="jwks_uri"):
        commands.run({"action": "bootstrap", "jwks_uri": uri})


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
    settings = replace(commands.settings, legacy_keys=[former])
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
