"""Who may ask for the page of the local stack."""

import pytest

from operate.page.admission import refusal

HERE = "127.0.0.1"


@pytest.mark.parametrize("host", ["127.0.0.1:4566", "localhost:4566", "127.0.0.2", "[::1]:4566"])
@pytest.mark.parametrize("client", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_a_browser_on_this_machine_may(host: str, client: str) -> None:
    assert refusal({"host": host, "sec-fetch-site": "none"}, client) is None
    own = {"host": host, "sec-fetch-site": "same-origin", "origin": f"http://{host}"}
    assert refusal(own, client) is None


@pytest.mark.parametrize(
    "host", ["192.168.1.5:4566", "my-laptop.local", "powersync", "evil.example", "", "127.0.0.1.x"]
)
def test_whoever_asks_by_another_name_than_loopback_may_not(host: str) -> None:
    assert refusal({"host": host}, HERE) is not None


@pytest.mark.parametrize("client", ["192.168.1.7", "::ffff:192.168.1.7", "fe80::1", ""])
def test_another_machine_that_says_loopback_may_not(client: str) -> None:
    assert refusal({"host": "127.0.0.1:4566"}, client) is not None


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_sites_page_may_not_and_neither_one_on_another_port(site: str) -> None:
    assert refusal({"host": "127.0.0.1:4566", "sec-fetch-site": site}, HERE) is not None


@pytest.mark.parametrize("origin", ["null", "http://127.0.0.1:3000", "https://evil.example"])
def test_another_origin_may_not_where_a_browser_says_no_site(origin: str) -> None:
    assert refusal({"host": "127.0.0.1:4566", "origin": origin}, HERE) is not None
