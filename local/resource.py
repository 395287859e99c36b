"""What the program asks for, and who makes it.

Without Pulumi's SDK, which takes as long to import as all the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Resource:
    """A resource as the program asks for it.

    Attributes:
        type: Pulumi type token, such as `aws:kms/key:Key`.
        name: Logical name, unique for its type.
        urn: Pulumi's name for it, unique in the stack.
        inputs: Provider inputs under their camelCase names; whole numbers are `int`, archives
            and assets are paths of files, secrets are in the clear (see `secret_inputs`).
        secret_inputs: Names of the inputs that are, or contain, secrets.
        custom: False for a component, which groups others and is nothing in AWS.
        parent: URN of the component or stack that it belongs to.
        dependencies: URNs that have to exist before it.
        protect: Whether `pulumi destroy` refuses to delete it.
        retain_on_delete: Whether it stays in AWS when Pulumi deletes it.
        ignore_changes: Inputs that the program sets once and then leaves to others.
        secret_outputs: Outputs that the program marks as secret.
        aliases: URNs of parents that it had in a former release of the program; empty for none.
        provider: URN of the provider that makes it; empty for that of the stack.
        hooks: Names of what is to run before it is updated, in previews too. Nothing is ever
            updated here, so none of them does.
    """

    type: str
    name: str
    urn: str
    inputs: Mapping[str, Any]
    secret_inputs: frozenset[str] = frozenset()
    custom: bool = True
    parent: str = ""
    dependencies: tuple[str, ...] = ()
    protect: bool = False
    retain_on_delete: bool = False
    ignore_changes: tuple[str, ...] = ()
    secret_outputs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    provider: str = ""
    hooks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Created:
    """What came of a resource: its provider id and its outputs beside the inputs (camelCase)."""

    id: str
    outputs: Mapping[str, Any] = field(default_factory=dict)


class Deployer(Protocol):
    """Makes what the program asks for. Called from several threads at once."""

    def create(self, resource: Resource) -> Created:
        """Makes one resource and returns when it is there.

        Components are announced too (`resource.custom` is False); their answer is not used.
        """

    def invoke(self, token: str, arguments: Mapping[str, Any], provider: str) -> Mapping[str, Any]:
        """Answers a data source such as `aws:index/getCallerIdentity:getCallerIdentity`.

        Args:
            token: Which.
            arguments: What it is asked.
            provider: URN of the provider it is asked with; empty for that of the stack.
        """
