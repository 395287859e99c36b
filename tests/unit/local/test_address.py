"""Where the front door may be, and by which names it may be asked."""

import re

import pytest

from local.door.address import (
    Address,
    AddressError,
    given_address,
    host_of,
    is_loopback_name,
)


def test_nothing_said_is_the_usual_port_on_loopback() -> None:
    assert given_address(None, "", None) == Address("127.0.0.1", 4566, "")


@pytest.mark.parametrize(
    ("host", "bound"),
    [
        ("localhost", "127.0.0.1"),
        ("192.168.1.5", "192.168.1.5"),
        ("0.0.0.0", "0.0.0.0"),
        ("::1", "::1"),
        ("[::1]", "::1"),
    ],
)
def test_the_host_is_an_address(host: str, bound: str) -> None:
    assert given_address(host, None, None).host == bound


def test_a_name_is_no_address_to_bind_to() -> None:
    with pytest.raises(AddressError, match=r"LOCAL_HOST is 'my-laptop\.local', but should be an"):
        given_address("my-laptop.local", None, None)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "1.5"])
def test_what_is_no_port_is_refused(port: str) -> None:
    with pytest.raises(AddressError, match=f"LOCAL_PORT is '{re.escape(port)}'"):
        given_address(None, port, None)


@pytest.mark.parametrize(
    "url",
    [
        "my-laptop.local",
        "ftp://my-laptop.local",
        "http://",
        "http://my-laptop.local/auth",
        "http://my-laptop.local?a=b",
        "http://user@my-laptop.local",
        "http://my-laptop.local:0",
        "http://my-laptop.local:99999",
        "http://[::1",
    ],
)
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(AddressError, match="LOCAL_URL is "):
        given_address(None, None, url)


def test_a_url_may_end_in_a_slash() -> None:
    assert given_address(None, None, "http://my-laptop.local:4566/").url == (
        "http://my-laptop.local:4566"
    )


def test_only_loopback_is_loopback() -> None:
    assert all(map(is_loopback_name, ("127.0.0.1", "127.0.0.2", "::1", "localhost", "a.localhost")))
    assert not any(map(is_loopback_name, ("192.168.1.5", "0.0.0.0", "powersync", "localhost.com")))


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("127.0.0.1:4566", "127.0.0.1"),
        ("LocalHost", "localhost"),
        ("[::1]:4566", "::1"),
        ("[::1", ""),
        ("", ""),
    ],
)
def test_the_host_is_found_in_an_authority(authority: str, host: str) -> None:
    assert host_of(authority) == host
