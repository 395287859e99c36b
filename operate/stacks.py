"""Which stack is meant, and how to reach AWS for it."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"

_CONFIG = Config(connect_timeout=5, read_timeout=200, retries={"max_attempts": 2})
"""A step of a rotation may take as long as the rotate function may run, 180 s."""


class OperatorError(Exception):
    """What an operator asked for cannot be done; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack.

    Attributes:
        name: As the operator calls it.
        secret_arn: The key-ring secret.
        jwks_parameter: The parameter with the published keys.
        rotate_function: The function that changes the ring.
        session: Knows the credentials and the region.
        endpoint: Of the embedded AWS; None for AWS itself.
    """

    name: str
    secret_arn: str
    jwks_parameter: str
    rotate_function: str
    session: boto3.Session
    endpoint: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether it is on the embedded AWS."""
        return self.endpoint is not None

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return self.session.client(service, endpoint_url=self.endpoint, config=_CONFIG)


def local_stack() -> Stack:
    """The stack that `make local` serves; raises `OperatorError` if there is none.

    With LOCAL_PORT it is the one on that port, else the one started last.
    """
    own = LOCAL / os.environ.get("LOCAL_PORT", "") / "outputs.json"
    file = Path(os.environ.get("LOCAL_OUTPUTS") or own)
    try:
        outputs = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise OperatorError(
            "the local stack is not running: start it with `make local`,"
            " or name a deployed stack: STACK=dev"
        ) from None
    local = outputs["local"]
    session = boto3.Session(
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the embedded AWS knows this one for root
        region_name=local["region"],
    )
    return _stack("local", outputs, session, local["endpoint"])


def deployed_stack(name: str) -> Stack:
    """A stack in AWS, found by its Pulumi outputs; raises `OperatorError`."""
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise OperatorError(
            f"the outputs of the stack {name} cannot be read, as the Pulumi CLI is not installed:"
            " https://www.pulumi.com/docs/install/"
        )
    asked = subprocess.run(  # noqa: S603 - Pulumi, with the operator's own stack name
        [pulumi, "stack", "output", "--json", "--stack", name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode != 0:
        raise OperatorError(f"Pulumi does not tell the outputs of {name}: {asked.stderr.strip()}")
    outputs = json.loads(asked.stdout)
    if "signing_secret_arn" not in outputs:
        raise OperatorError(
            f"the stack {name} has no key ring; deploy it: make deploy STACK={name}"
        )
    region = outputs["signing_secret_arn"].split(":")[3]
    return _stack(name, outputs, boto3.Session(region_name=region))


def _stack(
    name: str, outputs: Mapping[str, Any], session: boto3.Session, endpoint: str | None = None
) -> Stack:
    return Stack(
        name=name,
        secret_arn=outputs["signing_secret_arn"],
        jwks_parameter=outputs["jwks_parameter"],
        rotate_function=outputs["rotate_function_name"],
        session=session,
        endpoint=endpoint,
    )
