"""The process that Pulumi starts for programs of other languages: it makes components for them.

It is Pulumi's own host of components, with what that leaves out: an answer to each question of the
engine, and mistakes told by input.
"""

# ruff: noqa: N802 - names of methods are those of the gRPC service

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Any

import grpc.aio
import pulumi
from google.protobuf import empty_pb2
from pulumi.errors import InputPropertiesError, InputPropertyErrorDetails
from pulumi.output import contains_unknowns
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError, ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from powersync_auth.component import PowerSyncAuth
from powersync_auth.inputs import InvalidInputsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi.provider import ConstructResult
    from pulumi.provider.experimental.analyzer import ComponentDefinition

NAME = "powersync-auth"
VERSION = "0.1.0"


class Components(ComponentProvider):
    """Pulumi's provider of components, but that it passes over nothing in silence."""

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Makes the component; raises `InvalidInputsError` as it comes."""
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if isinstance(error.inner, InvalidInputsError):
                raise error.inner from None
            raise

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


class Servicer(ProviderServicer):
    """Answers the engine."""

    async def Attach(self, request: Any, _: Any) -> Any:
        """Learns the address of an engine that this process was started without."""
        self.engine_address = request.address
        return empty_pb2.Empty()

    async def CheckConfig(self, request: Any, _: Any) -> Any:
        """Takes the provider's configuration as it is: there is none."""
        return provider_pb2.CheckResponse(inputs=request.news)

    async def DiffConfig(self, _request: Any, _: Any) -> Any:
        """Finds no difference in it."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    async def Construct(self, request: Any, context: Any) -> Any:
        """Makes a component; mistakes in its inputs, found now or later, are told by input."""
        try:
            return await super().Construct(request, context)
        except InvalidInputsError as error:
            mistakes: list[InputPropertyErrorDetails] = [
                {"property_path": mistake.key, "reason": mistake.should}
                for mistake in error.mistakes
            ]
            await context.abort_with_status(
                self.create_grpc_invalid_properties_status("", mistakes)
            )


def serve() -> None:
    """Serves until Pulumi ends it; it writes the port on standard output first.

    The engine's address is the first argument.
    """

    async def run() -> None:
        server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
        components = Components([PowerSyncAuth], NAME, version=VERSION)
        servicer = Servicer(components, sys.argv[1:], engine_address=sys.argv[1])
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        print(port, flush=True)
        await server.wait_for_termination()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())
