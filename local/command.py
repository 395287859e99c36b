"""`make local`: deploys to the embedded AWS, says what to do next, and serves until it is stopped.

Environment variables:
    LOCAL_HOST: Address of this machine to serve on (127.0.0.1); 0.0.0.0 is all of them.
    LOCAL_PORT: Port there (4566).
    LOCAL_URL: What the URLs in the outputs begin with, if not with that address.
    LOCAL_CONFIG: A file like Pulumi.local.yaml, the keys of which replace those of that one.
    LOCAL_OUTPUTS: Where to write the outputs instead of .local/outputs.json.
    LOCAL_MEMORY: Where to keep the data instead of .local/PORT/memory.json.
    FRESH: 1 forgets the data of former starts.
"""

import gc
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import pulumi
from rich.console import Console
from starlette.routing import BaseRoute

from local.configuration import ConfigurationFileError
from local.disk import DiskFullError
from local.door.address import Address, AddressError, given_address
from local.door.server import FrontDoor
from local.door.visits import Visit
from local.emulator import ROOT, Emulator, EmulatorError
from local.engine import DeploymentError
from local.outputs import OutputsFileError, OutputsFiles, what_next
from local.provider import Provider, ProviderError
from local.remembered import MemoryFileError, memory_file
from local.stack import LocalStack
from powersync_auth.bundle import BundleError

_EXPECTED_ERRORS = (
    AddressError,
    BundleError,
    ConfigurationFileError,
    DeploymentError,
    DiskFullError,
    EmulatorError,
    MemoryFileError,
    OutputsFileError,
    ProviderError,
    pulumi.RunError,
)


Restart = Callable[[str], None]
"""Has the command begin anew, with another file (or none, for empty) as LOCAL_CONFIG."""


class Page(Protocol):
    """What the front door serves to its owner's browser, beside what AWS would."""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """What is served."""

    def visited(self, visit: Visit) -> None:
        """Is told of each request that the front door has answered."""

    def show(self, outputs: Mapping[str, Any], restart: Restart) -> None:
        """Is told the outputs as soon as the stack is up."""


class _Stopped(BaseException):
    """SIGINT or SIGTERM has come."""


class _Told(BaseException):
    """What has failed, and was said already."""


class _Restarted(BaseException):
    """It is to begin anew, with another LOCAL_CONFIG."""

    def __init__(self, config_file: str) -> None:
        self.config_file = config_file
        super().__init__(config_file)


class _Session:
    """One run of the command."""

    def __init__(self, console: Console, errors: Console, page: Page, provider: Provider) -> None:
        self._console = console
        self._errors = errors
        self._page = page
        self._provider = provider
        self._emulator: Emulator | None = None
        self._restart_with: str | None = None
        self._is_stopped = False

    def run(
        self, address: Address, config_file: Path | None, files: OutputsFiles, memory: Path
    ) -> None:
        """Deploys and serves until a signal comes."""
        try:
            self._run(address, config_file, files, memory)
        except Exception:
            # What the handler raises is lost where Python was collecting garbage just then.
            if self._is_stopped:
                raise _Stopped from None
            raise

    def _run(
        self, address: Address, config_file: Path | None, files: OutputsFiles, memory: Path
    ) -> None:
        for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signal_number, self._stop)
        with self._console.status("Starting") as status:
            stack = LocalStack(
                address=address,
                config_file=config_file,
                memory=memory,
                provider=self._provider,
                routes=self._page.routes,
                visited=self._page.visited,
                progress=lambda text: self._show(status.update, text),
                warn=self._warn_of,
                started=self._remember,
            )
        with stack, files.written(stack.outputs):
            self._page.show(stack.outputs, self._restart)
            # As it is: an ARN has parts like `:secret:`, which Rich takes for an emoji.
            told = what_next(stack.outputs, files.main, stack.door.page_url)
            self._console.out(told, highlight=False)
            self._warn(stack.door)
            gc.freeze()  # What is there now stays, and need not be looked at.
            gc.enable()
            try:
                stack.emulator.wait()
            except EmulatorError as error:
                if self._restart_with is not None:
                    raise _Restarted(self._restart_with) from None
                if self._is_stopped:
                    raise
                # At once, and not when everything else has ended as well.
                _tell(self._errors, error)
                raise _Told from error

    def _warn_of(self, text: str) -> None:
        self._console.print(f"Warning: {text}", style="yellow", markup=False, highlight=False)

    def _warn(self, door: FrontDoor) -> None:
        """One line for whoever opens the stack to other machines."""
        if not door.address.is_loopback:
            guess = ", which is a guess (LOCAL_URL names another)" if door.is_guessed else ""
            self._console.print(
                f"Warning: other machines reach this at {door.url}{guess}: the public keys, tokens,"
                " and sign-in to the user pool, for which the password above is known to whoever"
                " saw it.",
                style="yellow",
                highlight=False,
            )

    def _show(self, update: object, text: str) -> None:
        if self._console.is_terminal and callable(update):
            update(text)
        elif not text.startswith("Deployed"):
            self._console.print(text)

    def _remember(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def _restart(self, config_file: str) -> None:
        self._restart_with = config_file
        if self._emulator is not None:
            self._emulator.end()

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signal_number, signal.SIG_IGN)
        self._is_stopped = True
        if self._emulator is not None:
            self._emulator.end()  # Calls that are waiting for an answer fail now.
        raise _Stopped


def main(page: Page, provider: Provider) -> int:
    """Runs the command with a provider that has just been started; returns its exit status.

    Whoever calls it has put Python's garbage collector off.
    """
    console = Console(stderr=False, soft_wrap=True)
    errors = Console(stderr=True, soft_wrap=True)
    try:
        given = os.environ.get
        address = given_address(given("LOCAL_HOST"), given("LOCAL_PORT"), given("LOCAL_URL"))
        config_file = given("LOCAL_CONFIG")
        folder = ROOT / ".local"
        files = OutputsFiles(folder, address.port, given("LOCAL_OUTPUTS"))
        memory = memory_file(folder, address.port, given("LOCAL_MEMORY"), given("FRESH"))
        _Session(console, errors, page, provider).run(
            address, Path(config_file) if config_file else None, files, memory
        )
    except _Stopped:
        console.print("Stopped; nothing is left behind.")
        return 0
    except _Restarted as restarted:
        _begin_anew(restarted.config_file)
    except _Told:
        return 1
    except _EXPECTED_ERRORS as error:
        _tell(errors, error)
        return 1
    return 0


def _begin_anew(config_file: str) -> None:
    """Runs the command again in this process, which keeps its number and its terminal."""
    os.environ |= {"LOCAL_CONFIG": config_file, "FRESH": ""}
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - ourselves


def _tell(errors: Console, error: Exception) -> None:
    """Says what has failed, as it is."""
    errors.print("Error:", style="bold red", end=" ")
    errors.print(str(error), markup=False, highlight=False)
