"""A bootstrap, which makes the first ring and ends when the JWKS is served."""

import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loopback import Request, Response, serving
from tests.rotation.account import Account
from token_service.endpoints.jwks import JWKS_PATH, JwksEndpoint
from token_service.keys.commands import InvalidEventError, JwksNotServedError, RotateCommands
from token_service.settings import JwksSettings


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
    with pytest.raises(JwksNotServedError, match=r"127\.0\.0\.1:1/jwks.json: .*refused"):
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
    not_of_it, not_there = f"https://auth.example.com{JWKS_PATH}", "https://localhost/elsewhere"
    with pytest.raises(JwksNotServedError, match=f"{not_of_it}: .*Hostname mismatch"):
        commands.run({**event, "jwks_uri": not_of_it})
    with pytest.raises(JwksNotServedError, match=f"{not_there}: status 404"):
        commands.run({**event, "jwks_uri": not_there})
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
    settings = commands.settings._replace(jwks_reached=own)
    closed = RotateCommands(commands.rotation, settings, commands.sleep)
    with pytest.raises(InvalidEventError, match="not where this API is reached"):
        closed.run({"action": "bootstrap", **told})


@pytest.mark.parametrize("uri", [None, "file:///etc/passwd", "jwks.json"])
def test_a_bootstrap_asks_web_addresses_only(commands: RotateCommands, uri: object) -> None:
    with pytest.raises(InvalidEventError, match="jwks_uri"):
        commands.run({"action": "bootstrap", "jwks_uri": uri})
