"""Stands for the AWS provider before Pulumi's real engine: it makes up what AWS would say.

The engine downloads the real one, which tests cannot.
"""

# ruff: noqa: N802 - names of methods are those of the gRPC service

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from local.recorder import Recorder
from local.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Iterator

REPLACED_FOR = ("name", "namePrefix", "apiId", "secretId", "bucket")
"""Inputs that no resource here changes in its place."""


class AwsStandIn(provider_pb2_grpc.ResourceProviderServicer):
    """What the engine asks of a provider."""

    def __init__(self) -> None:
        self._recorder = Recorder()

    def Attach(self, _request: Any, _: Any) -> Any:
        return empty_pb2.Empty()

    def Handshake(self, _request: Any, _: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True)

    def CheckConfig(self, request: Any, _: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, _request: Any, _: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, _request: Any, _: Any) -> Any:
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=True
        )

    def GetPluginInfo(self, _request: Any, _: Any) -> Any:
        return plugin_pb2.PluginInfo(version="7.51.1")

    def Check(self, request: Any, _: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, _: Any) -> Any:
        old, new = dict(request.old_inputs), dict(request.news)
        changed = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        changed = [key for key in changed if key not in request.ignoreChanges]
        kinds = provider_pb2.DiffResponse
        return provider_pb2.DiffResponse(
            changes=kinds.DIFF_SOME if changed else kinds.DIFF_NONE,
            diffs=changed,
            replaces=[key for key in changed if key in REPLACED_FOR],
        )

    def Create(self, request: Any, _: Any) -> Any:
        return provider_pb2.CreateResponse(
            id=f"id-of-{_name(request.urn)}",
            properties=self._outputs(request.urn, request.properties),
        )

    def Update(self, request: Any, _: Any) -> Any:
        return provider_pb2.UpdateResponse(properties=self._outputs(request.urn, request.news))

    def Cancel(self, _request: Any, _: Any) -> Any:
        return empty_pb2.Empty()

    def Delete(self, _request: Any, _: Any) -> Any:
        return empty_pb2.Empty()

    def Invoke(self, request: Any, _: Any) -> Any:
        answer = struct_pb2.Struct()
        arguments = rpc.deserialize_properties(request.args)
        answer.update(dict(self._recorder.invoke(request.tok, arguments, "")))
        fields: dict[str, Any] = {"return": answer}
        return provider_pb2.InvokeResponse(**fields)

    def _outputs(self, urn: str, properties: Any) -> struct_pb2.Struct:
        inputs = rpc.deserialize_properties(properties)
        type_ = urn.split("::")[2].rpartition("$")[2]
        created = self._recorder.create(Resource(type_, _name(urn), urn, inputs))
        outputs = struct_pb2.Struct()
        outputs.CopyFrom(properties)
        outputs.update(dict(created.outputs))
        return outputs


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


@contextlib.contextmanager
def aws_stand_in() -> Iterator[int]:
    """Serves it; yields the port."""
    server = grpc.server(ThreadPoolExecutor(32))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(AwsStandIn(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield int(port)
    finally:
        server.stop(None)
