"""Where the front door is, and by which names it may be asked."""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 4566

_ANYWHERE_ELSE = "192.0.2.1"  # RFC 5737: nobody's


class AddressError(Exception):
    """The front door cannot be where the user wants it; the message says why."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the front door listens, and how it is called.

    Attributes:
        host: Address of this machine to bind to; `0.0.0.0` and `::` are all of them.
        port: TCP port; 0 takes a free one.
        url: What the stack's outputs begin with; no slash at its end. Empty for the address itself.
    """

    host: str = DEFAULT_HOST
    port: int = 0
    url: str = ""

    @property
    def is_everywhere(self) -> bool:
        """Whether it listens on every address of this machine."""
        return ipaddress.ip_address(self.host).is_unspecified

    @property
    def is_loopback(self) -> bool:
        """Whether other machines cannot reach it."""
        return ipaddress.ip_address(self.host).is_loopback


def given_address(host: str | None, port: str | None, url: str | None) -> Address:
    """The address that LOCAL_HOST, LOCAL_PORT and LOCAL_URL ask for; empty is the default.

    Raises:
        AddressError: One of them cannot be one.
    """
    return Address(_host(host or DEFAULT_HOST), _port(port or str(DEFAULT_PORT)), _url(url or ""))


def _host(text: str) -> str:
    if text == "localhost":
        return DEFAULT_HOST
    try:
        return str(ipaddress.ip_address(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        raise AddressError(
            f"LOCAL_HOST is {text!r}, but should be an IP address of this machine, such as"
            f" 192.168.1.5, or 0.0.0.0 for all of them; a name goes into LOCAL_URL"
        ) from None


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise AddressError(f"LOCAL_PORT is {text!r}, but should be a port, such as {DEFAULT_PORT}")
    return int(text)


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = not text or (
            parts.scheme in ("http", "https")
            and parts.hostname
            and (parts.port is None or parts.port > 0)
            and parts.path in ("", "/")
            and not (parts.query or parts.fragment or parts.username or parts.password)
        )
    except ValueError:
        usable = False
    if not usable:
        raise AddressError(
            f"LOCAL_URL is {text!r}, but should be a URL without a path, such as"
            f" http://my-laptop.local:{DEFAULT_PORT}"
        )
    return text.rstrip("/")


def origin(host: str, port: int) -> str:
    """The URL of a server at an address."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def own_address() -> str:
    """A guess at the address by which others reach this machine, else that of loopback.

    It is the one that packets to elsewhere would leave from; none is sent.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((_ANYWHERE_ELSE, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return DEFAULT_HOST


def host_of(authority: str) -> str:
    """The name or address in a `Host` header, in lower case; empty where there is none."""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def is_loopback_name(host: str) -> bool:
    """Whether a name or address, without its port, is this machine and no other."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
