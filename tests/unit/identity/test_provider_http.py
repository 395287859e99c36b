"""One request to a provider: what it says, and what counts as no answer."""

import pytest

from tests.identity.key_server import KeyServer
from token_service.identity.provider_http import (
    IdentityProviderUnavailableError,
    Outage,
    send_request,
)


def test_we_say_who_is_asking() -> None:
    """Firewalls in front of providers answer 403 to a request without `User-Agent`."""
    with KeyServer() as server:
        send_request(server.uri)
        send_request(server.uri, method="POST", headers={"X-More": "1"}, body=b"{}")
    assert [asked.headers["user-agent"] for asked in server.requests] == ["powersync-auth"] * 2


def test_a_name_that_does_not_resolve_and_a_closed_port_are_outages() -> None:
    closed = "http://127.0.0.1:1/keys"
    for url in (closed, "https://does-not-exist.invalid/keys", f"https://{'a' * 64}.example.com"):
        with pytest.raises(IdentityProviderUnavailableError, match="did not answer"):
            send_request(url)


def test_an_outage_lasts_until_the_very_moment_at_which_it_ends() -> None:
    outage = Outage(IdentityProviderUnavailableError("down"), 100.0)
    assert outage.lasts(99.999)
    assert not outage.lasts(100.0)
    assert outage.error(90.5).retry_after == 10
    assert outage.error(99.999).retry_after == 1
    assert outage.error(200.0).retry_after == 1  # Never at once, nor in the past.
