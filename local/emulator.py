"""MiniStack, the embedded AWS, as a child process that listens on 127.0.0.1 only."""

import http.client
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
MINISTACK_PYTHON = ROOT / ".local" / "ministack" / "bin" / "python"
HOST = "127.0.0.1"
ACCOUNT_ID = "000000000000"

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_READY_WITHIN_SECONDS = 20.0
_INHERITED = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR", "TZ")
_SERVICES = (
    "apigateway",
    "cloudwatch",
    "cognito-idp",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "s3",
    "secretsmanager",
    "sns",
    "ssm",
    "sts",
)


class EmulatorError(Exception):
    """The embedded AWS is not there, does not start, or has ended; the message says why."""


class PortTakenError(EmulatorError):
    """Something else listens on the port."""


class Emulator:
    """A running MiniStack; used as a context manager.

    Attributes:
        endpoint: URL of every AWS service in it.
        port: The port it listens on.
        pid: Process id of its supervisor.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        region: str = "us-east-1",
        enforce_iam: bool = True,
        python: Path = MINISTACK_PYTHON,
    ) -> None:
        """Starts MiniStack, without waiting for it: see `wait_until_ready`.

        Args:
            port: Port on 127.0.0.1; 0 takes a free one.
            region: The AWS region that it plays.
            enforce_iam: Whether policies are enforced and signatures checked, as in AWS.
            python: The interpreter of MiniStack's own virtual environment.

        Raises:
            PortTakenError: The port is taken.
            EmulatorError: MiniStack is not installed.
        """
        if not python.exists():
            raise EmulatorError("MiniStack is not installed yet: run `make setup`")
        self.port = port or _free_port()
        self.endpoint = f"http://{HOST}:{self.port}"
        _refuse_taken(self.port)
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment |= {
            "AUTH": str(enforce_iam).lower(),
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",  # It and the next would listen on all interfaces.
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
            "MINISTACK_REGION": region,
            "SERVICES": ",".join(_SERVICES),
        }
        if "TMPDIR" in os.environ:
            environment["TMPDIR"] = os.environ["TMPDIR"]
        self._supervisor = subprocess.Popen(  # noqa: S603 - our own arguments
            [sys.executable, "-I", "-S", _SUPERVISOR, python, "-m", "ministack"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us; we end it when we are done with it.
        )
        self.pid = self._supervisor.pid
        self._ready = False

    def __enter__(self) -> Self:
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def end(self) -> None:
        """Has MiniStack end without waiting for it; can be called from a signal handler."""
        if self._supervisor.stdin is not None:
            self._supervisor.stdin.close()

    def stop(self) -> None:
        """Ends MiniStack and its Lambda workers and removes their folder; safe to repeat."""
        self.end()
        self._supervisor.wait()
        if self._supervisor.stderr is not None:
            self._supervisor.stderr.close()

    def wait(self) -> None:
        """Blocks for as long as MiniStack runs.

        Raises:
            EmulatorError: It ended by itself; the message has the end of its log.
        """
        self._supervisor.wait()
        raise EmulatorError(f"MiniStack has ended by itself:\n{self._last_words()}")

    def wait_until_ready(self) -> None:
        """Returns when MiniStack answers; safe to repeat, and from several threads.

        Raises:
            EmulatorError: It does not start.
        """
        deadline = time.monotonic() + _READY_WITHIN_SECONDS
        while not self._ready and time.monotonic() < deadline:
            if self._supervisor.poll() is not None:
                raise EmulatorError(f"MiniStack does not start:\n{self._last_words()}")
            self._ready = self._is_healthy()
            if not self._ready:
                time.sleep(0.02)
        if not self._ready:
            raise EmulatorError(f"MiniStack does not answer after {_READY_WITHIN_SECONDS:.0f} s")

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=2)
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _last_words(self) -> str:
        stderr = self._supervisor.stderr
        return stderr.read().decode("utf-8", "replace").strip() if stderr is not None else ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTakenError(
                f"port {port} on {HOST} cannot be used ({error.strerror}). Choose another one: "
                f"LOCAL_PORT={port + 1 if port < 65535 else 4566} make local"
            ) from error
