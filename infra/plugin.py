"""The process that Pulumi starts for programs of other languages: it makes components for them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.errors import InputPropertiesError, InputPropertyErrorDetails
from pulumi.output import contains_unknowns
from pulumi.provider import main
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError

from component import PowerSyncAuth
from inputs import InvalidInputsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi.provider import ConstructResult
    from pulumi.provider.experimental.analyzer import ComponentDefinition

NAME = "powersync-auth"
VERSION = "0.1.0"


class PowerSyncAuthProvider(ComponentProvider):
    """Pulumi's provider of components, but that it passes over nothing in silence."""

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Makes the component; what is wrong with its inputs is told without a traceback."""
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if not isinstance(error.inner, InvalidInputsError):
                raise
            raise InputPropertiesError(
                "",
                [{"property_path": m.key, "reason": m.should} for m in error.inner.mistakes],
            ) from None

    def map_inputs(
        self, inputs: Mapping[str, Any], component_def: ComponentDefinition
    ) -> dict[str, Any]:
        """Gives the inputs their Python names.

        Pulumi's own drops what it does not know, at any depth: a misspelt `requiredScopes` would
        let everybody in.
        """
        names = component_def.inputs_mapping
        unknown: list[InputPropertyErrorDetails] = [
            {"property_path": name, "reason": "there is no such input"}
            for name in inputs
            if name not in names
        ]
        if unknown:
            raise InputPropertiesError("", unknown)
        return {
            # What a preview does not know may come without the resource that it will come from.
            names[name]: pulumi.Output.from_input(value) if contains_unknowns(value) else value
            for name, value in inputs.items()
        }


def serve() -> None:
    """Serves until Pulumi ends it; it writes the port on standard output first."""
    main(PowerSyncAuthProvider([PowerSyncAuth], NAME, version=VERSION), sys.argv[1:])
