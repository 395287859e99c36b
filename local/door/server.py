"""Serves the front door, in a thread."""

import errno
import socket
import threading
from types import TracebackType
from typing import Any, Self

import uvicorn

from local.door.address import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    Address,
    AddressError,
    origin,
    own_address,
)

_ENDS_WITHIN_SECONDS = 2


class PortTakenError(AddressError):
    """Something else listens on the port."""


class FrontDoor:
    """A server that has its address from the beginning, and answers once it is opened.

    Attributes:
        address: Where it is; as wanted, with the port that it has.
        url: Its URL as the outputs have it.
        reachable_url: Its URL on this machine.
        is_guessed: Whether `url` is a guess at the address that others reach this machine by.
    """

    def __init__(self, wanted: Address) -> None:
        """Takes the address.

        Raises:
            PortTakenError: Something else has it.
            AddressError: This machine has no such address.
        """
        self._socket = _listening(wanted)
        port: int = self._socket.getsockname()[1]
        self.address = Address(wanted.host, port, wanted.url)
        here = DEFAULT_HOST if wanted.is_everywhere else wanted.host
        self.reachable_url = origin(here, port)
        self.is_guessed = wanted.is_everywhere and not wanted.url
        self.url = wanted.url or (
            origin(own_address(), port) if self.is_guessed else self.reachable_url
        )
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def page_url(self) -> str:
        """Where a browser on this machine finds the page; empty where it cannot reach the door."""
        here = self.address.is_everywhere or self.address.is_loopback
        return f"{self.reachable_url}/" if here else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def open(self, app: Any) -> None:
        """Serves an ASGI application from now on."""
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,  # The embedded AWS sends one.
                # Who has asked is who is connected: there is no proxy before it.
                proxy_headers=False,
                timeout_graceful_shutdown=_ENDS_WITHIN_SECONDS,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="front-door", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stops serving and lets the address go; safe to repeat."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
            self._server = self._thread = None
        self._socket.close()


def _listening(wanted: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in wanted.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((wanted.host, wanted.port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise _explained(wanted, error) from error
    return listener


def _explained(wanted: Address, error: OSError) -> AddressError:
    if error.errno == errno.EADDRNOTAVAIL:
        return AddressError(
            f"{wanted.host} is no address of this machine; LOCAL_HOST takes one that it has,"
            " or 0.0.0.0 for all of them"
        )
    return PortTakenError(
        f"port {wanted.port} on {wanted.host} cannot be used ({error.strerror}). Choose another"
        f" one: LOCAL_PORT={wanted.port + 1 if wanted.port < 65535 else DEFAULT_PORT} make local"
    )
