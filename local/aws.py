"""The embedded AWS as the deployer sees it: clients, ARNs, and names and arguments for boto3."""

import os
import re
import threading
import uuid
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from local.door.published import Published
from local.emulator import ACCOUNT_ID, ROOT_KEY

NO_PROXY = Config(proxies={})
"""The embedded AWS is on this machine, where a proxy cannot reach it."""

_LONGEST_CALL_SECONDS = 900
_EVERYWHERE_LEFT_OUT = {"region", "tags"}
_BUCKET = "uploads"


def core_session() -> botocore.session.Session:
    """Botocore's part of a session, without the user's profile and configuration files.

    The embedded AWS needs no account in AWS, so they, which may have mistakes, stay out of it.
    """
    # A setting's name in the configuration, its environment variable, its default, its conversion.
    return botocore.session.Session(
        {
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
            "profile": (None, None, None, None),
        }
    )


def root_session(region: str, core: botocore.session.Session | None = None) -> boto3.Session:
    """A session as root of the embedded AWS's account; `core` is a `core_session`, or made now."""
    return boto3.Session(
        aws_access_key_id=ROOT_KEY[0],
        aws_secret_access_key=ROOT_KEY[1],
        region_name=region,
        botocore_session=core or core_session(),
    )


class Aws:
    """Access to one emulator, as its account's root.

    Attributes:
        endpoint: URL of every service.
        region: AWS region that it plays.
        account_id: The account that it plays.
        published: What of it the front door lets through; filled in as it is made.

    Args:
        core: A `core_session` to make the clients with; made now if it is left out.
    """

    def __init__(
        self,
        endpoint: str,
        region: str,
        published: Published | None = None,
        core: botocore.session.Session | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.region = region
        self.published = published or Published()
        self.account_id = ACCOUNT_ID
        self._session = root_session(region, core)
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._uploaded: set[str] = set()
        self._uploading = threading.Lock()

    def client(self, service: str) -> Any:
        """The boto3 client of a service; made once, to be used from any thread."""
        with self._lock:  # A session is not safe to make clients from in several threads.
            if service not in self._clients:
                self._clients[service] = self._session.client(
                    service,
                    endpoint_url=self.endpoint,
                    config=Config(
                        # An error is to be reported, not retried: the emulator is at hand.
                        retries={"total_max_attempts": 1},
                        read_timeout=_LONGEST_CALL_SECONDS,
                        connect_timeout=2,
                    ).merge(NO_PROXY),
                )
            return self._clients[service]

    def uploaded(self, file: Path) -> dict[str, str]:
        """Puts a file into a bucket, once; returns where it is, in Lambda's words for code."""
        s3 = self.client("s3")
        with self._uploading:
            if not self._uploaded:
                s3.create_bucket(Bucket=_BUCKET, **_location(self.region))
            if file.name not in self._uploaded:
                s3.put_object(Bucket=_BUCKET, Key=file.name, Body=file.read_bytes())
                self._uploaded.add(file.name)
        return {"S3Bucket": _BUCKET, "S3Key": file.name}

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource in this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"


def _location(region: str) -> dict[str, Any]:
    """S3 wants to be told the region, except where it is the first one it ever had."""
    if region == "us-east-1":
        return {}
    return {"CreateBucketConfiguration": {"LocationConstraint": region}}


def given_or_made_up_name(inputs: Mapping[str, Any], logical_name: str) -> str:
    """The name in AWS: as given, or made up from the logical name as Pulumi does."""
    if inputs.get("name"):
        return str(inputs["name"])
    prefix = inputs.get("namePrefix") or f"{logical_name}-"
    return f"{prefix}{uuid.uuid4().hex[:7]}"


def arguments(
    inputs: Mapping[str, Any],
    *,
    rename: Mapping[str, str] | None = None,
    leave_out: Collection[str] = (),
    first_capital: bool = True,
) -> dict[str, Any]:
    """Turns provider inputs into boto3 arguments, which mostly differ in their first letter.

    boto3 refuses names that it does not know, so an input that is overlooked here is an error
    and not a silent difference from AWS.

    Args:
        inputs: Provider inputs (camelCase).
        rename: Arguments that are called otherwise, at the top level.
        leave_out: Inputs that are no arguments of the call.
        first_capital: Whether the API's names start with a capital.
    """
    rename = rename or {}
    return {
        rename.get(key) or (_pascal(key) if first_capital else key): (
            _pascal_keys(value) if first_capital else value
        )
        for key, value in inputs.items()
        if key not in leave_out and key not in _EVERYWHERE_LEFT_OUT and value is not None
    }


def tag_list(inputs: Mapping[str, Any], key: str = "Key", value: str = "Value") -> list[Any]:
    """Tags as the list of pairs that most services take."""
    return [{key: name, value: text} for name, text in (inputs.get("tags") or {}).items()]


def _pascal(name: str) -> str:
    return re.sub("^[a-z]", lambda letter: letter.group().upper(), name)


def _pascal_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {_pascal(key): _pascal_keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_pascal_keys(item) for item in value]
    return value
