"""Serves MiniStack on 127.0.0.1, behind its guard, until it is told to end.

Executed by MiniStack's own interpreter. Standard input is a pipe from whoever started it: when
that closes, it ends itself and its Lambda workers, so that no `kill -9` leaves it behind.
"""

import asyncio
import os
import resource
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.app import app
from ministack.services import lambda_svc

from local.embedded import gateway
from local.embedded.guard import Guard


async def run() -> None:
    """Serves until SIGTERM."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    authority = f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"
    # Workers inherit the environment; the door's key is not for them.
    guard = Guard(app, authority, os.environ.pop("OWNER_KEY"), os.environ.pop("DOOR_KEY"))
    gateway.complete(lambda_svc)
    config = Config()
    config.bind = [authority]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    server = asyncio.ensure_future(serve(guard, config, shutdown_trigger=ended.wait))
    await asyncio.wait({server, asyncio.ensure_future(ended.wait())}, return_when="FIRST_COMPLETED")
    if server.done():
        server.result()


def end_with_parent() -> None:
    """Returns never: when the pipe closes, the whole process group is ended."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.killpg(0, signal.SIGKILL)


def allow_many_connections() -> None:
    """Raises the limit of open files to what this process may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    allow_many_connections()
    asyncio.run(run())
    os._exit(0)  # Requests that are under way are not waited for.
