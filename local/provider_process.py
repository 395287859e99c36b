"""The provider in a process of its own: makes resources with boto3, several at once.

Executed as `python -m local.provider_process FD`, with the number of the file descriptor of a
connection to `local.provider`. It is told where the embedded AWS is, and then what to make. It ends
with the connection, so that no `kill -9` leaves it behind.
"""

import gc
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

from local.aws import Aws, core_session
from local.deployer import LocalDeployer
from local.provider import Answer, Begin, Request
from local.ready_user import ready_made_user

_AT_ONCE = 8
_MODELS = (
    *("apigatewayv2", "cloudwatch", "cognito-idp", "events", "iam", "kms", "lambda", "logs"),
    *("s3", "secretsmanager", "ssm"),
)
"""Services whose clients will be needed. Their models, some megabytes of JSON, are read before."""


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


def main() -> None:
    """Serves one connection, and ends with it."""
    gc.disable()  # As its parent does: a deployment has hardly any garbage.
    connection = Connection(int(sys.argv[1]))
    core = core_session()
    for service in _MODELS:
        core.get_service_model(service)
    try:
        begin: Begin = connection.recv()
        aws = Aws(begin.endpoint, begin.region, begin.published, core)
        server, pool = _Server(connection, aws), ThreadPoolExecutor(_AT_ONCE)
        while True:
            pool.submit(server.answer, connection.recv())
    except (EOFError, OSError):
        os._exit(0)  # Calls that are under way are not waited for.


if __name__ == "__main__":
    main()
