"""The process that Pulumi starts for programs of other languages, spoken to as its engine does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import (
    engine_pb2_grpc,
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
)

from local.engine import Engine, Monitor
from tests.infra.plan import PROJECT, REGION, Plan, Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
COMPONENT = f"{PROJECT}:index:PowerSyncAuth"

UNKNOWN = rpc.UNKNOWN
"""Stands for an output that a preview does not know yet."""


def secret(value: Any) -> dict[str, Any]:
    """A value as it comes from a secret output."""
    return {rpc._special_sig_key: rpc._special_secret_sig, "value": value}


class ProviderProcess:
    """The process, and the engine and monitor that it reports to."""

    def __init__(self, port: int) -> None:
        self.port = port
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.stub = provider_pb2_grpc.ResourceProviderStub(channel)

    def schema(self) -> str:
        request = provider_pb2.GetSchemaRequest(version=0)
        return str(self.stub.GetSchema(request).schema)

    def construct(
        self,
        inputs: Mapping[str, Any],
        *,
        name: str = PROJECT,
        recorder: Recorder | None = None,
        depends: Mapping[str, str] | None = None,
        project: str = PROJECT,
        preview: bool = False,
        **options: Any,
    ) -> Plan:
        """Has a component made; its outputs are those of the plan.

        Args:
            inputs: By camelCase names, as programs of other languages give them.
            name: Logical name of the component.
            recorder: Takes the notes.
            depends: URNs of the resources that inputs are outputs of.
            project: The program's project.
            preview: Whether nothing is made.
            options: More of `ConstructRequest`.

        Raises:
            grpc.RpcError: As Pulumi's engine sees it.
        """
        recorder = recorder or Recorder()
        monitor = Monitor(recorder, project, "dev")
        with reached(monitor) as address:
            given = struct_pb2.Struct()
            given.update(dict(inputs))
            answer = self.stub.Construct(
                provider_pb2.ConstructRequest(
                    project=project,
                    stack="dev",
                    config={"aws:region": recorder.region},
                    dryRun=preview,
                    monitorEndpoint=address,
                    type=COMPONENT,
                    name=name,
                    inputs=given,
                    inputDependencies={
                        key: provider_pb2.ConstructRequest.PropertyDependencies(urns=[urn])
                        for key, urn in (depends or {}).items()
                    },
                    **options,
                ),
                timeout=300,
            )
        return Plan(recorder.resources, rpc.deserialize_properties(answer.state))


class MonitorOfPrograms(Monitor):
    """A monitor for programs in any language: it has components made by the process."""

    def __init__(self, recorder: Recorder, project: str, process: ProviderProcess) -> None:
        super().__init__(recorder, project, "dev")
        self._process = process
        self._project = project
        self.address = ""

    def SupportsFeature(self, _: Any) -> Any:  # noqa: N802 - a method of the gRPC service
        return resource_pb2.SupportsFeatureResponse(hasSupport=True)

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the same
        if not request.remote:
            return super().RegisterResource(request)
        made = self._process.stub.Construct(
            provider_pb2.ConstructRequest(
                project=self._project,
                stack="dev",
                config={"aws:region": REGION},
                monitorEndpoint=self.address,
                type=request.type,
                name=request.name,
                parent=request.parent,
                inputs=request.object,
                inputDependencies={
                    key: provider_pb2.ConstructRequest.PropertyDependencies(urns=of.urns)
                    for key, of in request.propertyDependencies.items()
                },
            ),
            timeout=300,
        )
        return resource_pb2.RegisterResourceResponse(urn=made.urn, object=made.state)


class _Called:
    """gRPC's way to call the methods of an engine or a monitor."""

    def __init__(self, called: Any) -> None:
        self._called = called

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._called, name, None)
        if method is None:

            def unimplemented(_request: Any, context: grpc.ServicerContext) -> None:
                context.abort(grpc.StatusCode.UNIMPLEMENTED, name)

            return unimplemented
        return lambda request, _context: method(request)


@contextlib.contextmanager
def reached(monitor: Monitor, engine: Engine | None = None) -> Iterator[str]:
    """Serves a monitor, and an engine beside it; yields the address."""
    server = grpc.server(ThreadPoolExecutor(64))
    called: Any = _Called(monitor)
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(called, server)
    called = _Called(engine or Engine())
    engine_pb2_grpc.add_EngineServicer_to_server(called, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None)


@contextlib.contextmanager
def provider_process(
    folder: Path = ROOT, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[ProviderProcess, Engine]]:
    """Starts the process in `folder`; yields it, and the engine with what it has logged."""
    engine = Engine()
    server = grpc.server(ThreadPoolExecutor(4))
    called: Any = _Called(engine)
    engine_pb2_grpc.add_EngineServicer_to_server(called, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with subprocess.Popen(
        [sys.executable, str(folder), f"127.0.0.1:{port}"],
        stdout=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield ProviderProcess(int(process.stdout.readline())), engine
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
            server.stop(None)
