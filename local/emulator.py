"""MiniStack, the embedded AWS, as a child process that listens on 127.0.0.1 only.

It runs behind a guard (`local.embedded.guard`): a key in the path of its URL lets in to it.
"""

import http.client
import os
import secrets
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
MINISTACK_PYTHON = ROOT / ".local" / "ministack" / "bin" / "python"
HOST = "127.0.0.1"
ACCOUNT_ID = "000000000000"
ROOT_KEY = ("test", "test")
"""What MiniStack takes for its root's key. Its URL is the secret, see `local.embedded.guard`."""

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_EMBEDDED = Path(__file__).with_name("embedded")
_KEY_BYTES = 16
_READY_WITHIN_SECONDS = 120.0
_END_IS_KNOWN_WITHIN_SECONDS = 5.0
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


class Emulator:
    """A running MiniStack; used as a context manager.

    Attributes:
        endpoint: URL of every AWS service in it. Its path is the owner's key: whoever knows the
            URL is let in.
        door_url: URL for the front door, which is let in to what is public only.
        port: The port it listens on.
        pid: Process id of its supervisor.
    """

    def __init__(
        self,
        *,
        region: str = "us-east-1",
        enforce_iam: bool = True,
        memory: Path | None = None,
        python: Path = MINISTACK_PYTHON,
    ) -> None:
        """Starts MiniStack, without waiting for it: see `wait_until_ready`.

        Args:
            region: The AWS region that it plays.
            enforce_iam: Whether policies are enforced and signatures checked, as in AWS.
            memory: A file that keeps keys, secrets, parameters and user pools from one start to the
                next; its folder exists. Nothing is kept where it is left out.
            python: The interpreter of MiniStack's own virtual environment.

        Raises:
            EmulatorError: MiniStack is not installed.
        """
        if not python.exists():
            raise EmulatorError("MiniStack is not installed yet: run `make setup`")
        # Taken from now on, so that nobody else gets the port; whoever connects before MiniStack
        # is there waits for it.
        bound = socket.socket()
        bound.bind((HOST, 0))
        bound.listen()
        self.port: int = bound.getsockname()[1]
        owner_key, door_key = secrets.token_hex(_KEY_BYTES), secrets.token_hex(_KEY_BYTES)
        self.endpoint = f"http://{HOST}:{self.port}/{owner_key}"
        self.door_url = f"http://{HOST}:{self.port}/{door_key}"
        self._health = f"/{owner_key}/_ministack/health"
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment |= {
            "AUTH": str(enforce_iam).lower(),
            "AWS_ENDPOINT_URL": self.endpoint,  # for Lambda workers
            "BIND_HOST": HOST,
            "DOOR_KEY": door_key,
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",  # It and the next would listen on all interfaces.
            "SFTP_ENABLED": "0",
            "LISTENER": str(bound.fileno()),
            "LOG_LEVEL": "WARNING",
            "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
            "MINISTACK_REGION": region,
            "OWNER_KEY": owner_key,
            "SERVICES": ",".join(_SERVICES),
            "UNPACKED": str(ROOT / ".local" / "unpacked"),
        }
        if memory is not None:
            environment["MEMORY_FILE"] = str(memory.absolute())
        if "TMPDIR" in os.environ:
            environment["TMPDIR"] = os.environ["TMPDIR"]
        with bound:
            self._supervisor = subprocess.Popen(  # noqa: S603 - our own arguments
                [sys.executable, "-I", "-S", _SUPERVISOR, python, "-P", _EMBEDDED],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[bound.fileno()],
                start_new_session=True,  # Ctrl-C is for us; we end it when we are done with it.
            )
        self.pid = self._supervisor.pid
        self._ready = False
        self._words = ""

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
            EmulatorError: It ended by itself; the message says why, with the end of its log.
        """
        raise EmulatorError(f"MiniStack has ended by itself: {self._last_words()}")

    def refuse_ended(self) -> None:
        """Tells a failure that has its cause in MiniStack's end from others.

        Raises:
            EmulatorError: It ended by itself; the message says why, with the end of its log.
        """
        if not self._is_healthy():
            with suppress(subprocess.TimeoutExpired):
                self._supervisor.wait(_END_IS_KNOWN_WITHIN_SECONDS)
                self.wait()

    def wait_until_ready(self) -> None:
        """Returns when MiniStack answers; safe to repeat, and from several threads.

        Raises:
            EmulatorError: It does not start.
        """
        deadline = time.monotonic() + _READY_WITHIN_SECONDS
        while not self._ready and time.monotonic() < deadline:
            if self._supervisor.poll() is not None:
                raise EmulatorError(f"MiniStack does not start: {self._last_words()}")
            self._ready = self._is_healthy()
            if not self._ready:
                time.sleep(0.02)
        if not self._ready:
            raise EmulatorError(f"MiniStack does not answer after {_READY_WITHIN_SECONDS:.0f} s")

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=2)
        try:
            connection.request("GET", self._health)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _last_words(self) -> str:
        """Why MiniStack has ended; waits until it has."""
        stderr = self._supervisor.stderr
        if stderr is not None and not stderr.closed:
            self._words += stderr.read().decode("utf-8", "replace").strip()
        return self._words or "whoever looks after it was killed, and it with them"
