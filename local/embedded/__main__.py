"""Serves MiniStack on 127.0.0.1, behind its guard, until it is told to end.

Executed by MiniStack's own interpreter. Standard input is a pipe from whoever started it: when
that closes, it ends itself and its Lambda workers, so that no `kill -9` leaves it behind.
"""

import asyncio
import os
import resource
import shutil
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.app import app
from ministack.core import iam_actions, lambda_runtime, responses
from ministack.services import cognito, kms, lambda_svc, secretsmanager, ssm

from local.embedded import gateway, key_use, without_botocore
from local.embedded.guard import Guard
from local.embedded.memory import CannotSaveError, Memory, MemoryInUseError
from local.embedded.unpacking import unpack_once

REMEMBERED = {"cognito": cognito, "kms": kms, "secretsmanager": secretsmanager, "ssm": ssm}


async def run(memory: Memory | None) -> None:
    """Serves until SIGTERM."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    authority = f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"
    # Workers inherit the environment; the door's key is not for them.
    owner_key, door_key = os.environ.pop("OWNER_KEY"), os.environ.pop("DOOR_KEY")
    inner = app if memory is None else memory.noticing(app)
    guard = Guard(inner, authority, owner_key, door_key)
    gateway.complete(lambda_svc)
    key_use.complete(iam_actions)
    without_botocore.do_without(responses, iam_actions, lambda_runtime)
    unpack_once(lambda_runtime, Path(os.environ.pop("UNPACKED")))
    config = Config()
    config.bind = [f"fd://{os.environ.pop('LISTENER')}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    tasks = [serve(guard, config, shutdown_trigger=ended.wait), ended.wait()]
    if memory is not None:
        tasks.append(memory.keep())
    # In a list, which keeps them alive.
    running = [asyncio.ensure_future(task) for task in tasks]
    done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    if memory is not None:
        memory.save()
    os._exit(0)  # Requests that are under way are not waited for.


def recollected() -> Memory | None:
    """What is remembered, given back to the services; None where nothing is to be."""
    file = os.environ.get("MEMORY_FILE")
    if file is None:
        return None
    memory = Memory(Path(file), REMEMBERED, Path(cognito._POOL_KEYS_DIR))  # noqa: SLF001
    memory.hold()
    if not memory.restore():
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - ourselves
    del os.environ["MEMORY_FILE"]  # Workers inherit the environment.
    return memory


def end_with_parent() -> None:
    """Returns never: when the pipe closes, the private folder and the process group are ended."""
    private = os.environ["TMPDIR"]
    while os.read(sys.stdin.fileno(), 1):
        pass
    shutil.rmtree(private, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def allow_many_connections() -> None:
    """Raises the limit of open files to what this process may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    allow_many_connections()
    try:
        asyncio.run(run(recollected()))
    except (MemoryInUseError, CannotSaveError) as error:
        sys.exit(str(error))
