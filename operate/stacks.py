"""Which stack is meant, and how to reach AWS for it."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from local.aws import NO_PROXY, root_session
from operate.errors import OperatorError

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"

_CONFIG = Config(connect_timeout=5, read_timeout=200, retries={"max_attempts": 2})
"""A step of a rotation may take as long as the rotate function may run, 180 s."""

PULUMI_SECONDS = 60.0
"""How long the Pulumi CLI may take to tell a stack's outputs, which its backend has."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack.

    Attributes:
        name: As the operator calls it.
        secret_arn: The key-ring secret.
        jwks_parameter: The parameter with the published keys.
        rotate_function: The function that changes the ring.
        session: Knows the credentials and the region.
        outputs: All outputs of the deployment.
        endpoint: Of the embedded AWS; None for AWS itself.
    """

    name: str
    secret_arn: str
    jwks_parameter: str
    rotate_function: str
    session: boto3.Session
    outputs: Mapping[str, Any]
    endpoint: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether it is on the embedded AWS."""
        return self.endpoint is not None

    def client(self, service: str) -> Any:
        """A boto3 client; raises `OperatorError` where AWS's configuration has a mistake."""
        config = _CONFIG.merge(NO_PROXY) if self.is_local else _CONFIG
        with _configuration_mistakes_explained():
            return self.session.client(service, endpoint_url=self.endpoint, config=config)


def chosen_stack(name: str, time_limit: float = PULUMI_SECONDS) -> Stack:
    """The deployed stack of this name, or the local one for none; raises `OperatorError`.

    `time_limit` is in seconds, for what the Pulumi CLI is asked.
    """
    return deployed_stack(name, time_limit) if name else local_stack()


def local_stack() -> Stack:
    """The stack that `make local` serves; raises `OperatorError` if there is none.

    LOCAL_OUTPUTS or LOCAL_PORT say which one is meant. Else it is the one started last, or the only
    one that is left.
    """
    file, port = os.environ.get("LOCAL_OUTPUTS"), os.environ.get("LOCAL_PORT")
    if file:
        stack = _stack_in(Path(file))
    elif port:
        stack = _stack_in(LOCAL / port / "outputs.json")
    else:
        stack = _running_stack()
    if stack is None:
        raise OperatorError(_none_is_running(port if not file else None))
    return stack


def _none_is_running(port: str | None) -> str:
    running = _running_stacks() if port else {}
    if running:
        others = " or ".join(f"LOCAL_PORT={other}" for other in running)
        return f"no local stack is running on port {port}; there is {others}"
    return (
        f"the local stack is not running{f' on port {port}' if port else ''}: start it with"
        f" `{f'LOCAL_PORT={port} ' if port else ''}make local`,"
        " or name a deployed stack: STACK=dev"
    )


def _running_stack() -> Stack | None:
    started_last = _stack_in(LOCAL / "outputs.json")
    if started_last is not None and _is_running(started_last):
        return started_last
    running = _running_stacks()
    if len(running) > 1:
        ports = " or ".join(f"LOCAL_PORT={port}" for port in running)
        raise OperatorError(f"there are several local stacks; say which one: {ports}")
    return next(iter(running.values()), None)


def _running_stacks() -> dict[str, Stack]:
    """The local stacks of this repository that answer, by their ports."""
    stacks = {file.parent.name: _stack_in(file) for file in sorted(LOCAL.glob("*/outputs.json"))}
    return {port: stack for port, stack in stacks.items() if stack and _is_running(stack)}


def _stack_in(file: Path) -> Stack | None:
    """The local stack whose outputs are in a file; None if there is no file."""
    try:
        return local_stack_of(json.loads(file.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise OperatorError(f"{file} does not hold the outputs of a local stack") from error


def local_stack_of(outputs: Mapping[str, Any]) -> Stack:
    """The local stack with these outputs; raises `KeyError` or `TypeError` for others."""
    local = outputs["local"]
    return _stack("local", outputs, root_session(local["region"]), local["endpoint"])


def _is_running(stack: Stack) -> bool:
    """Whether something listens where it was; one that was killed has left its outputs."""
    address = urlsplit(stack.endpoint or "")
    try:
        with socket.create_connection((str(address.hostname), address.port or 0), timeout=1):
            return True
    except OSError:
        return False


def deployed_stack(name: str, time_limit: float = PULUMI_SECONDS) -> Stack:
    """A stack in AWS, found by its Pulumi outputs; raises `OperatorError`.

    `time_limit` is in seconds, for what the Pulumi CLI is asked.
    """
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise OperatorError(
            f"the outputs of the stack {name} cannot be read, as the Pulumi CLI is not installed:"
            " https://www.pulumi.com/docs/install/"
        )
    command = [pulumi, "stack", "output", "--json", "--stack", name]
    try:
        asked = subprocess.run(  # noqa: S603 - Pulumi, with the operator's own stack name
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=time_limit
        )
    except subprocess.TimeoutExpired as error:
        raise OperatorError(
            f"Pulumi has not told the outputs of {name} within {time_limit:g} s; is its backend"
            f" in reach? pulumi stack output --stack {name}"
        ) from error
    if asked.returncode != 0:
        raise OperatorError(f"Pulumi does not tell the outputs of {name}: {asked.stderr.strip()}")
    outputs = json.loads(asked.stdout)
    if "signing_secret_arn" not in outputs:
        raise OperatorError(
            f"the stack {name} has no key ring; deploy it: make deploy STACK={name}"
        )
    region = outputs["signing_secret_arn"].split(":")[3]
    with _configuration_mistakes_explained():
        session = boto3.Session(region_name=region)
    return _stack(name, outputs, session)


@contextmanager
def _configuration_mistakes_explained() -> Iterator[None]:
    try:
        yield
    except BotoCoreError as error:
        raise OperatorError(
            f"AWS cannot be asked: {error}. Look at AWS_PROFILE and at your AWS configuration"
        ) from error


def _stack(
    name: str, outputs: Mapping[str, Any], session: boto3.Session, endpoint: str | None = None
) -> Stack:
    return Stack(
        name=name,
        secret_arn=outputs["signing_secret_arn"],
        jwks_parameter=outputs["jwks_parameter"],
        rotate_function=outputs["rotate_function_name"],
        session=session,
        outputs=outputs,
        endpoint=endpoint,
    )
