"""The whole product on this machine: MiniStack, the Pulumi program deployed to it, and a user."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from starlette.routing import BaseRoute

from local.configuration import STACK, local_bundle, project_name, stack_configuration
from local.disk import FULL, refuse_full_disk
from local.door.address import Address, host_of
from local.door.published import Published
from local.door.routes import front_door
from local.door.server import FrontDoor
from local.door.upstream import Upstream
from local.door.visits import Told, told_of_visits
from local.emulator import ROOT, ROOT_KEY, Emulator
from local.program import INFRA, run_program
from local.provider import Provider
from local.remembered import put_aside
from powersync_auth.bundle import LOCAL, lambda_bundle

if TYPE_CHECKING:
    from local.aws import Aws


class LocalStack:
    """A deployed local stack; used as a context manager.

    Attributes:
        door: The server that apps reach; the URLs in the outputs are its.
        outputs: The stack's outputs, and under `local` how its owner reaches the emulator and who
            the user is, and which file configures it: `endpoint` (whoever knows it is let in),
            `access_key_id`, `secret_access_key`, `region`, `config_file`, `user_pool_id`,
            `client_id`, `username`, `password` (the last four empty where no user pool is,
            the last one also where the user has changed it).
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        *,
        address: Address | None = None,
        config_file: Path | None = None,
        enforce_iam: bool = True,
        memory: Path | None = None,
        program: Path = INFRA,
        provider: Provider | None = None,
        routes: Sequence[BaseRoute] = (),
        visited: Told = lambda _: None,
        progress: Callable[[str], None] = lambda _: None,
        warn: Callable[[str], None] = lambda _: None,
        started: Callable[[Emulator], None] = lambda _: None,
    ) -> None:
        """Starts MiniStack, deploys to it, and returns when everything is there.

        Args:
            config: Configuration beyond that of `Pulumi.local.yaml`, such as
                `{"verifierCacheSeconds": 1}`.
            address: Where the front door is; on a free port of 127.0.0.1 if it is left out.
            config_file: A file with configuration, see `stack_configuration`.
            enforce_iam: Whether policies are enforced, as in AWS.
            memory: A file that keeps the data from one start to the next, see `Emulator`.
            program: The folder of the Pulumi program.
            provider: Makes the resources, and is ended then; started now if it is left out.
            routes: What the front door serves beside what AWS would.
            visited: Told of each request that the front door has answered.
            progress: Told what is being done.
            warn: Told what of the configuration is probably not meant.
            started: Told the emulator as soon as it runs.

        Raises:
            AddressError: The front door cannot have its address.
            ConfigurationFileError: A file cannot be used, or the configuration has mistakes.
            DiskFullError: There is no room for what it writes.
            BundleError: The Lambda zip cannot be built.
            EmulatorError: MiniStack does not start, or has ended.
            DeploymentError: A resource could not be made.
            ProviderError: The user could not be made.
            pulumi.RunError: The program refuses to run.
        """
        with ExitStack() as undo, closing(provider or Provider()) as maker:
            settings = stack_configuration(config, config_file, warn)
            refuse_full_disk(*_written_to())
            region = self._region = settings["aws:region"]
            unreadable = put_aside(memory) if memory else set()
            self.door = FrontDoor(address or Address())
            undo.callback(self.door.close)
            progress("Starting MiniStack, the embedded AWS")
            self.emulator = Emulator(region=region, enforce_iam=enforce_iam, memory=memory)
            undo.callback(self.emulator.stop)
            started(self.emulator)
            progress("Building the Lambda zip")
            bundle = lambda_bundle(target=LOCAL)
            progress("Deploying the Pulumi program")
            published = Published(self.door.url, self.door.reachable_url)
            names = frozenset({host_of(urlsplit(self.door.url).netloc)})
            upstream = Upstream(self.emulator.door_url)
            self.door.open(told_of_visits(front_door(published, upstream, routes, names), visited))
            maker.begin(
                self.emulator.endpoint,
                region,
                published,
                uploads=[bundle],
                progress=lambda made: progress(f"Deployed {made.type} {made.name}"),
                # It starts while the program is being imported.
                wait_until_ready=self.emulator.wait_until_ready,
            )
            self.outputs = self._deployed(settings, program, maker)
            self.outputs["local"]["config_file"] = str(config_file.resolve()) if config_file else ""
            for aside in sorted(put_aside(memory) - unreadable) if memory else ():
                warn(
                    f"the data of former starts could not be read and is in {aside} now; this stack"
                    " begins with new keys and a new user"
                )
            self._undo = undo.pop_all()

    def _deployed(
        self, settings: Mapping[str, str], program: Path, provider: Provider
    ) -> dict[str, Any]:
        try:
            with local_bundle():
                outputs = run_program(
                    provider, project=project_name(), stack=STACK, config=settings, program=program
                )
            return {**outputs, "local": self._local_outputs(outputs, provider)}
        except Exception:
            self.emulator.refuse_ended()
            refuse_full_disk(*_written_to(), needed=FULL)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @cached_property
    def aws(self) -> Aws:
        """The embedded AWS."""
        from local.aws import Aws  # noqa: PLC0415 - the stack itself does without boto3

        return Aws(self.emulator.endpoint, self._region)

    def stop(self) -> None:
        """Ends everything and leaves nothing behind; safe to repeat."""
        self._undo.close()

    def _local_outputs(self, outputs: Mapping[str, Any], provider: Provider) -> dict[str, str]:
        pool_id, client_id = outputs.get("user_pool_id"), outputs.get("user_pool_client_id")
        user = provider.ready_made_user(pool_id, str(client_id)) if pool_id else ("", "")
        return {
            "endpoint": self.emulator.endpoint,
            "access_key_id": ROOT_KEY[0],
            "secret_access_key": ROOT_KEY[1],
            "region": self._region,
            "user_pool_id": pool_id or "",
            "client_id": client_id or "",
            "username": user[0],
            "password": user[1],
        }


def _written_to() -> tuple[Path, Path]:
    """Where temporary files are, and where what outlives a stack is."""
    return Path(tempfile.gettempdir()), ROOT / ".local"
