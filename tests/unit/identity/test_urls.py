"""Which URLs may be asked, and which hosts are near enough for http in the local stack."""

import pytest

from token_service.identity.urls import check_url, is_nearby


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "powersync", "my-laptop.local", "host.docker.internal", "a.localhost"),
        *("127.0.0.1", "127.0.0.2", "::1", "10.0.2.2", "192.168.1.5", "172.17.0.1"),
        *("169.254.1.1", "fe80::1", "fd00::1"),
    ],
)
def test_what_no_stranger_can_have_is_nearby(host: str) -> None:
    assert is_nearby(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "local.evil.example",
        "localhost.evil.example",
        "8.8.8.8",
        "2606::1",
        "0.0.0.0",
    ],
)
def test_what_a_stranger_may_have_is_not_nearby(host: str) -> None:
    assert not is_nearby(host)


@pytest.mark.parametrize(
    "url",
    [
        "http://192.168.1.5:8080",
        "http://10.0.2.2:8080",
        "http://host.docker.internal:8080",
        "http://powersync:8080",
        "http://[fd00::1]:8080",
        "http://my-laptop.local",
        "http://127.0.0.1:8080/x",
        "http://localhost/",
        "http://[::1]:80",
    ],
)
def test_http_to_what_is_near_is_for_the_local_stack_only(url: str) -> None:
    assert check_url(url, allow_nearby_http=True) == url
    with pytest.raises(ValueError, match="should be an https"):
        check_url(url, allow_nearby_http=False)


def test_http_to_a_stranger_is_refused_everywhere() -> None:
    for url in ("http://example.com", "http://8.8.8.8", "http://localhost.example.com"):
        with pytest.raises(ValueError, match="should be an https"):
            check_url(url, allow_nearby_http=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "example.com",
        "//example.com",
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://[::2]",
        "http://user@127.0.0.1",
        "https://user:password@example.com",
        "https://example.com/#x",
        "https://example.com/a b",
        "https://example.com/\r\nX: y",
        "https://example.com:0",
        "https://example.com:99999",
        "https://ex\u00e4mple.com",
        "ftp://example.com",
        "HTTPS//example.com",
    ],
)
def test_a_url_that_is_not_plainly_https_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        check_url(url, allow_nearby_http=True)
