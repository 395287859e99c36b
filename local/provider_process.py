"""The provider in a process of its own: makes resources with boto3, several at once.

Executed as `python -m local.provider_process FD`, with the number of the file descriptor of a
connection to `local.provider`. It is told where the embedded AWS is, and then what to make. It ends
with the connection, so that no `kill -9` leaves it behind.
"""
# ruff: noqa: E402 - the collector is off before anything is imported

import gc

gc.disable()  # As its parent does.

import contextlib
import os
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local.aws import Aws, core_session
from local.deployer import LocalDeployer
from local.provider import Answer, Begin, Request
from local.ready_user import ready_made_user

_AT_ONCE = 8
_SERVICES = (
    *("iam", "apigatewayv2", "ssm", "logs", "cognito-idp", "events", "kms", "cloudwatch"),
    *("secretsmanager", "s3", "lambda"),
)
"""Services that the program needs, in about this order. Their models, some megabytes of JSON, are
read before it is known where the embedded AWS is, and their clients made before the first is asked.
"""


class Tasks(LocalDeployer):
    """What the process does."""

    def ready_made_user(self, pool_id: str, client_id: str) -> tuple[str, str]:
        """See `local.ready_user`."""
        return ready_made_user(self._aws, pool_id, client_id)


class _Server:
    def __init__(self, connection: Connection, aws: Aws) -> None:
        self._connection = connection
        self._aws = aws
        self._tasks = Tasks(aws)
        self._lock = threading.Lock()

    def answer(self, request: Request) -> None:
        """Does what is asked."""
        result, failure = None, ""
        try:
            result = getattr(self._tasks, request.method)(*request.arguments)
        except Exception as error:  # noqa: BLE001 - it is raised on the other side
            failure = str(error) or type(error).__name__
        with self._lock:
            self._connection.send(Answer(request.number, result, failure, self._aws.published))

    def prepare(self, uploads: Sequence[Path]) -> None:
        """Does what will be needed, while nothing is asked for yet."""
        # What fails here will fail again where it is needed, and be told there.
        with contextlib.suppress(BotoCoreError, ClientError, OSError):
            for service in _SERVICES:
                self._aws.client(service)
            for file in uploads:
                self._aws.uploaded(file)


def main() -> None:
    """Serves one connection, and ends with it."""
    connection = Connection(int(sys.argv[1]))
    core = core_session()
    for service in _SERVICES:
        core.get_service_model(service)
    try:
        begin: Begin = connection.recv()
        aws = Aws(begin.endpoint, begin.region, begin.published, core)
        server, pool = _Server(connection, aws), ThreadPoolExecutor(_AT_ONCE)
        threading.Thread(target=server.prepare, args=(begin.uploads,), daemon=True).start()
        while True:
            pool.submit(server.answer, connection.recv())
    except (EOFError, OSError):
        os._exit(0)  # Calls that are under way are not waited for.


if __name__ == "__main__":
    main()
