"""JSON policy documents of IAM, with what is known only during the deployment filled in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pulumi

if TYPE_CHECKING:
    from collections.abc import Sequence

POLICY_LANGUAGE = "2012-10-17"

Statement = dict[str, Any]


def policy(*statements: Statement | pulumi.Output[Any]) -> pulumi.Output[str]:
    """Makes a policy document of statements; their values may be outputs of resources."""
    return pulumi.Output.all(*statements).apply(_document)


def _document(statements: Sequence[Any]) -> str:
    return json.dumps({"Version": POLICY_LANGUAGE, "Statement": list(statements)})


def assumed_by(service: str) -> str:
    """The trust policy of a role for one AWS service, such as `lambda.amazonaws.com`."""
    return _document(
        [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]
    )
