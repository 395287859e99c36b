"""The provider, which makes the program's resources in the embedded AWS.

As with the Pulumi CLI it is a process of its own (`local.provider_process`): what boto3 takes to
start, it takes while this one reads the program.
"""

import itertools
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.door.published import Published
from local.emulator import ROOT
from local.resource import Created, Resource


@dataclass(frozen=True)
class Begin:
    """Where the embedded AWS is, and what of it the front door lets through.

    `uploads` are files that will be code of functions.
    """

    endpoint: str
    region: str
    published: Published
    uploads: Sequence[Path]


@dataclass(frozen=True)
class Request:
    """What is to be done: a method of `local.provider_process.Tasks`, and its arguments."""

    number: int
    method: str
    arguments: Sequence[Any]


@dataclass(frozen=True)
class Answer:
    """What came of a request.

    Attributes:
        number: Of which.
        result: What the method has returned.
        failure: Why it has not; empty if it has.
        published: What the front door lets through by now.
    """

    number: int
    result: Any
    failure: str
    published: Published


class ProviderError(Exception):
    """What was asked for could not be done; the message says why."""


class Provider:
    """A provider's process, see `local.resource.Deployer`; to be closed in the end."""

    def __init__(self) -> None:
        """Starts it, without waiting for it."""
        self._connection, theirs = multiprocessing.Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments
                [sys.executable, "-P", "-m", "local.provider_process", str(theirs.fileno())],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for us; it ends with the connection.
            )
        self._numbers = itertools.count()
        self._waiting: dict[int, Future[Answer]] = {}
        self._lock = threading.Lock()
        self._published = Published()
        self._progress: Callable[[Resource], None] = lambda _: None
        self._wait_until_ready: Callable[[], None] = lambda: None
        self._reader: threading.Thread | None = None

    def begin(
        self,
        endpoint: str,
        region: str,
        published: Published,
        *,
        uploads: Sequence[Path] = (),
        progress: Callable[[Resource], None] = lambda _: None,
        wait_until_ready: Callable[[], None] = lambda: None,
    ) -> None:
        """Says where to make things.

        Args:
            endpoint: URL of every service of the embedded AWS.
            region: AWS region that it plays.
            published: What of it the front door lets through; filled in as it is made.
            uploads: Files that will be code of functions, to be uploaded in good time.
            progress: Told of each resource that is there, in the order they are finished.
            wait_until_ready: Returns when the embedded AWS answers.
        """
        self._published = published
        self._progress, self._wait_until_ready = progress, wait_until_ready
        self._send(Begin(endpoint, region, published, uploads))
        self._reader = threading.Thread(target=self._read, name="provider", daemon=True)
        self._reader.start()

    def create(self, resource: Resource) -> Created:
        """Makes one resource; raises `ProviderError`."""
        if not resource.custom:
            return Created("")
        created: Created = self._asked("create", resource)
        self._progress(resource)
        return created

    def invoke(self, token: str, arguments: Mapping[str, Any], provider: str) -> Mapping[str, Any]:
        """Answers a data source; raises `ProviderError`."""
        answer: Mapping[str, Any] = self._asked("invoke", token, arguments, provider)
        return answer

    def ready_made_user(self, pool_id: str, client_id: str) -> tuple[str, str]:
        """See `local.ready_user`; raises `ProviderError`."""
        name, password = self._asked("ready_made_user", pool_id, client_id)
        return name, password

    def close(self) -> None:
        """Ends it; safe to repeat."""
        self._process.terminate()
        self._process.wait()
        if self._reader is not None:
            self._reader.join()
        self._connection.close()

    def _asked(self, method: str, *arguments: object) -> Any:
        self._wait_until_ready()
        number, future = next(self._numbers), Future[Answer]()
        self._waiting[number] = future
        self._send(Request(number, method, arguments))
        answer = future.result()
        if answer.failure:
            raise ProviderError(answer.failure)
        return answer.result

    def _send(self, message: Begin | Request) -> None:
        try:
            with self._lock:
                self._connection.send(message)
        except OSError as error:
            raise ProviderError(_ENDED) from error

    def _read(self) -> None:
        try:
            while True:
                answer: Answer = self._connection.recv()
                self._learn(answer.published)
                self._waiting.pop(answer.number).set_result(answer)
        except (EOFError, OSError):
            for number in list(self._waiting):
                self._waiting.pop(number).set_exception(ProviderError(_ENDED))

    def _learn(self, published: Published) -> None:
        for name in ("api_id", "user_pool_id", "domain"):
            setattr(self._published, name, getattr(published, name))


_ENDED = "the process that makes resources in the embedded AWS has ended"
