"""Runs the Pulumi program of this repository inside this process, without the Pulumi CLI.

The program is executed unmodified, as `pulumi up` would. Instead of the CLI's engine and the AWS
provider, a `Deployer` makes each resource: one that calls boto3 (the local stack), or one that
only takes notes (the tests of the plan).

Everything that touches Pulumi's internals is in this module and `engine.py`; `requirements.txt`
pins the version of Pulumi that they were written against.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import runpy
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulumi.runtime import config as pulumi_config
from pulumi.runtime import settings as pulumi_settings
from pulumi.runtime import stack as pulumi_stack

from local.engine import DeploymentError, Engine, Monitor
from local.resource import Deployer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

INFRA = Path(__file__).resolve().parent.parent / "infra"


def run_program(
    deployer: Deployer,
    *,
    project: str,
    stack: str,
    config: Mapping[str, str],
    secret_keys: Collection[str] = (),
    program: Path = INFRA,
) -> dict[str, Any]:
    """Executes the Pulumi program in `program` and returns the stack's outputs.

    Args:
        deployer: Makes the resources.
        project: Pulumi project; the namespace of the program's own configuration.
        stack: Stack name, such as `dev`.
        config: Configuration with full keys (`powersync-auth:powersyncUrl`, `aws:region`); lists
            and objects as JSON, as the CLI passes them.
        secret_keys: Keys of `config` whose values are secret.
        program: Folder with `__main__.py`.

    Raises:
        DeploymentError: The deployer failed, or left out an output that the program uses.
        pulumi.RunError: The program refuses the configuration.
    """
    engine = Engine()
    monitor = Monitor(deployer, project, stack)

    async def run() -> None:
        # A failure is in many a future of Pulumi's that nobody asks; it is reported once, below.
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)

        async def execute_folder() -> None:
            _execute_folder(program, monitor)
            await _settled()

        await pulumi_stack.run_in_stack(execute_folder)

    def execute() -> None:
        pulumi_settings.configure(
            pulumi_settings.Settings(
                project=project,
                stack=stack,
                monitor=monitor,
                engine=engine,
                organization="organization",
                root_directory=str(program.parent),
            )
        )
        pulumi_config.set_all_config(dict(config), list(secret_keys))
        try:
            asyncio.run(run())
        except Exception:
            # What comes out of Pulumi is a consequence of it, sometimes of a later one.
            monitor.raise_failure()
            raise

    # In a thread of its own, because a signal handler that raises does so in the main thread:
    # asyncio would swallow the exception, or wait for ever for tasks that cannot be cancelled.
    with _quiet(), ThreadPoolExecutor(1, "pulumi-program") as thread:
        thread.submit(contextvars.copy_context().run, execute).result()
    monitor.raise_failure()
    if engine.errors:
        raise DeploymentError("\n".join(engine.errors))
    return monitor.stack_outputs


def _execute_folder(program: Path, monitor: Monitor) -> None:
    pulumi_stack.register_stack_transformation(monitor.learn_outputs)
    path = str(program)
    present = path in sys.path
    if not present:
        sys.path.insert(0, path)
    try:
        runpy.run_path(str(program / "__main__.py"), run_name="__main__")
    finally:
        if not present:
            sys.path.remove(path)


async def _settled() -> None:
    """Returns when the outputs of all resources have their values, or one of them has failed.

    Pulumi waits for them as well, and after each that has come for all the others anew: a fifth of
    what a deployment costs.
    """
    settings = pulumi_settings.SETTINGS
    while outstanding := set(settings.outputs):
        done, _ = await asyncio.wait(outstanding, return_when=asyncio.FIRST_EXCEPTION)
        if any(task.cancelled() or task.exception() for task in done):
            return  # Pulumi will raise it.
        with settings.lock:
            settings.outputs.difference_update(done)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Pulumi from logging failures, which it raises as well."""
    logger = logging.getLogger("pulumi")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
