"""What the Pulumi program takes for the CLI's engine: it hands each resource to a `Deployer`.

Pulumi's SDK speaks to a resource monitor and an engine over gRPC; the classes here have those
methods and are called directly.
"""

# ruff: noqa: D102, N802 - names and meaning of methods are those of the gRPC services

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf import empty_pb2, struct_pb2
from pulumi import FileArchive, FileAsset, _types
from pulumi.runtime import rpc
from pulumi.runtime.proto import engine_pb2, resource_pb2

from local.resource import Resource

if TYPE_CHECKING:
    from pulumi.resource import ResourceTransformationArgs

    from local.resource import Deployer

STACK_TYPE = "pulumi:pulumi:Stack"

_FEATURES = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
)

_MISSING = "<output {output!r} of {urn} was not given by the deployer>"
_MISSING_PATTERN = re.compile(r"<output '[^']*' of urn:\S+ was not given by the deployer>")


class DeploymentError(Exception):
    """A resource or data source could not be made; the message names it."""


class Engine:
    """Receives the program's log; keeps the errors."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self._root = ""

    def Log(self, request: Any) -> empty_pb2.Empty:
        if request.severity == engine_pb2.ERROR:
            self.errors.append(request.message)
        return empty_pb2.Empty()

    def SetRootResource(self, request: Any) -> Any:
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def GetRootResource(self, _: Any) -> Any:
        return engine_pb2.GetRootResourceResponse(urn=self._root)


class Monitor:
    """What the program takes for the CLI's resource monitor: gRPC methods, called directly."""

    def __init__(self, deployer: Deployer, project: str, stack: str) -> None:
        self._deployer = deployer
        self._project = project
        self._stack = stack
        self._lock = threading.Lock()
        self._urns: set[str] = set()
        self._in_previews: set[str] = set()
        self._text_outputs: dict[str, frozenset[str]] = {}
        self.stack_outputs: dict[str, Any] = {}
        self._failure: tuple[str, Exception | None] | None = None

    def learn_outputs(self, args: ResourceTransformationArgs) -> None:
        """A stack transformation that changes nothing: notes which outputs a type has."""
        if args.type_ not in self._text_outputs:
            types = _types.resource_types(type(args.resource))
            self._text_outputs[args.type_] = frozenset(n for n, t in types.items() if t is str)

    def raise_failure(self) -> None:
        """Raises `DeploymentError` for what failed first, if anything has."""
        if self._failure is not None:
            message, cause = self._failure
            raise DeploymentError(message) from cause

    def GetDeploymentInfo(self, _: Any) -> Any:
        return resource_pb2.DeploymentInfo(supportedFeatures=_FEATURES)

    def SignalAndWaitForShutdown(self, _: Any) -> Any:
        return empty_pb2.Empty()

    def RegisterResourceHook(self, request: Any) -> Any:
        if request.on_dry_run:
            self._in_previews.add(request.name)
        return empty_pb2.Empty()

    def RegisterResource(self, request: Any) -> Any:
        urn = self._urn(request.parent, request.type, request.name)
        if request.type == STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        inputs, secret_inputs = _plain(request.object)
        resource = Resource(
            type=request.type,
            name=request.name,
            urn=urn,
            inputs=inputs,
            secret_inputs=secret_inputs,
            custom=request.custom,
            parent=request.parent,
            dependencies=tuple(request.dependencies),
            protect=bool(request.protect),
            retain_on_delete=bool(request.retainOnDelete),
            ignore_changes=tuple(request.ignoreChanges),
            secret_outputs=tuple(request.additionalSecretOutputs),
            provider=_urn_of(request.provider),
            hooks=tuple(h for h in request.hooks.before_update if h in self._in_previews),
            aliases=tuple(alias.urn or alias.spec.parentUrn for alias in request.aliases),
        )
        where = f"{resource.type} {resource.name!r}"
        with self._lock:
            duplicate = urn in self._urns
            self._urns.add(urn)
        if duplicate:
            raise self._fail(f"{where}: registered twice")
        self._refuse_missing(where, inputs)
        try:
            created = self._deployer.create(resource)
        except Exception as error:
            raise self._fail(f"{where}: {error}", error) from error
        if not resource.custom:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        outputs = struct_pb2.Struct()
        outputs.CopyFrom(request.object)  # keeps secrets and archives in their wire form
        for key, value in created.outputs.items():
            outputs[key] = rpc.wrap_rpc_secret(value) if key in secret_inputs else value
        for key in self._text_outputs.get(request.type, ()):
            if key not in outputs and key not in ("id", "urn"):
                outputs[key] = _MISSING.format(output=key, urn=urn)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=created.id, object=outputs)

    def RegisterResourceOutputs(self, request: Any) -> Any:
        outputs, _ = _plain(request.outputs)
        self._refuse_missing(f"outputs of {request.urn}", outputs)
        if f"::{STACK_TYPE}::" in request.urn:
            self.stack_outputs = outputs
        return empty_pb2.Empty()

    def Invoke(self, request: Any) -> Any:
        arguments, _ = _plain(request.args)
        self._refuse_missing(request.tok, arguments)
        try:
            answer = self._deployer.invoke(request.tok, arguments, _urn_of(request.provider))
        except Exception as error:
            raise self._fail(f"{request.tok}: {error}", error) from error
        result = struct_pb2.Struct()
        result.update(dict(answer))
        fields: dict[str, Any] = {"return": result}
        return resource_pb2.ResourceInvokeResponse(**fields)

    def _urn(self, parent: str, type_: str, name: str) -> str:
        """Builds a URN as the engine does: parents' types, joined by `$`, before its own."""
        parent_type = parent.split("::")[2] if parent else ""
        qualified = f"{parent_type}${type_}" if parent_type not in ("", STACK_TYPE) else type_
        return f"urn:pulumi:{self._stack}::{self._project}::{qualified}::{name}"

    def _refuse_missing(self, where: str, value: Any) -> None:
        missing = _MISSING_PATTERN.search(repr(value).replace("\\'", "'"))
        if missing:
            raise self._fail(f"{where}: needs {missing.group()}")

    def _fail(self, message: str, cause: Exception | None = None) -> DeploymentError:
        with self._lock:
            self._failure = self._failure or (message, cause)
        return DeploymentError(message)


def _urn_of(provider: str) -> str:
    """A reference to a provider is its URN and its id."""
    return provider.rpartition("::")[0]


def _plain(struct: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """Turns wire properties into plain Python; returns them and the names of the secret ones."""
    properties = rpc.deserialize_properties(struct, keep_unknowns=False)
    secret = frozenset(key for key, value in properties.items() if _has_secret(value))
    return {key: _unwrap(value) for key, value in properties.items()}, secret


def _has_secret(value: Any) -> bool:
    if rpc.is_rpc_secret(value):
        return True
    if isinstance(value, dict):
        return any(_has_secret(item) for item in value.values())
    return isinstance(value, list) and any(_has_secret(item) for item in value)


def _unwrap(value: Any) -> Any:
    if rpc.is_rpc_secret(value):
        return _unwrap(rpc.unwrap_rpc_secret(value))
    if isinstance(value, dict):
        return {key: _unwrap(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unwrap(item) for item in value]
    if isinstance(value, FileArchive | FileAsset):
        return Path(value.path)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
