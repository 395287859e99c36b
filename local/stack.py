"""The whole product on this machine: MiniStack, the Pulumi program deployed to it, and a user."""

import secrets
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from starlette.routing import BaseRoute

from bundle import LOCAL, lambda_bundle
from local.aws import ROOT_KEY, Aws
from local.configuration import STACK, local_bundle, project_name, stack_configuration
from local.deployer import LocalDeployer
from local.disk import FULL, refuse_full_disk
from local.door.address import Address, host_of
from local.door.published import Published
from local.door.routes import front_door
from local.door.server import FrontDoor
from local.door.upstream import Upstream
from local.door.visits import Told, told_of_visits
from local.emulator import ROOT, Emulator
from local.program import INFRA, run_program
from local.remembered import put_aside

USERNAME = "user@example.com"

_KEPT_AT = "/local-stack/password"
"""Kept in the embedded AWS, so that it is remembered with the user and not without."""


class LocalStack:
    """A deployed local stack; used as a context manager.

    Attributes:
        aws: The embedded AWS.
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
            pulumi.RunError: The program refuses to run.
        """
        settings = stack_configuration(config, config_file, warn)
        refuse_full_disk(*_written_to())
        region = settings["aws:region"]
        unreadable = put_aside(memory) if memory else set()
        with ExitStack() as undo:
            self.door = FrontDoor(address or Address())
            undo.callback(self.door.close)
            progress("Starting MiniStack, the embedded AWS")
            self.emulator = Emulator(region=region, enforce_iam=enforce_iam, memory=memory)
            undo.callback(self.emulator.stop)
            started(self.emulator)
            progress("Building the Lambda zip")
            lambda_bundle(target=LOCAL)
            progress("Deploying the Pulumi program")
            published = Published(self.door.url, self.door.reachable_url)
            names = frozenset({host_of(urlsplit(self.door.url).netloc)})
            upstream = Upstream(self.emulator.door_url)
            self.door.open(told_of_visits(front_door(published, upstream, routes, names), visited))
            self.aws = Aws(self.emulator.endpoint, region, published)
            outputs = self._deployed(settings, program, progress)
            local = self._local_outputs(outputs)
            local["config_file"] = str(config_file.resolve()) if config_file else ""
            self.outputs = {**outputs, "local": local}
            for aside in sorted(put_aside(memory) - unreadable) if memory else ():
                warn(
                    f"the data of former starts could not be read and is in {aside} now; this stack"
                    " begins with new keys and a new user"
                )
            self._undo = undo.pop_all()

    def _deployed(
        self, settings: Mapping[str, str], program: Path, progress: Callable[[str], None]
    ) -> dict[str, Any]:
        deployer = LocalDeployer(
            self.aws,
            lambda made: progress(f"Deployed {made.type} {made.name}"),
            # It starts while the program is being imported.
            self.emulator.wait_until_ready,
        )
        try:
            with local_bundle():
                return run_program(
                    deployer, project=project_name(), stack=STACK, config=settings, program=program
                )
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

    def stop(self) -> None:
        """Ends everything and leaves nothing behind; safe to repeat."""
        self._undo.close()

    def _local_outputs(self, outputs: Mapping[str, Any]) -> dict[str, str]:
        pool_id, client_id = outputs.get("user_pool_id"), outputs.get("user_pool_client_id")
        password = self._created_user(pool_id, str(client_id)) if pool_id else ""
        return {
            "endpoint": self.aws.endpoint,
            "access_key_id": ROOT_KEY[0],
            "secret_access_key": ROOT_KEY[1],
            "region": self.aws.region,
            "user_pool_id": pool_id or "",
            "client_id": client_id or "",
            "username": USERNAME if pool_id else "",
            "password": password,
        }

    def _created_user(self, pool_id: str, client_id: str) -> str:
        """Makes the user, or finds the remembered one.

        Returns:
            The password; empty where the user has another one by now.
        """
        cognito, ssm = self.aws.client("cognito-idp"), self.aws.client("ssm")
        try:
            cognito.admin_get_user(UserPoolId=pool_id, Username=USERNAME)
            kept = ssm.get_parameter(Name=_KEPT_AT, WithDecryption=True)
        except (cognito.exceptions.UserNotFoundException, ssm.exceptions.ParameterNotFound):
            pass
        else:
            password = str(kept["Parameter"]["Value"])
            try:
                cognito.initiate_auth(
                    AuthFlow="USER_PASSWORD_AUTH",
                    ClientId=client_id,
                    AuthParameters={"USERNAME": USERNAME, "PASSWORD": password},
                )
            except cognito.exceptions.NotAuthorizedException:
                return ""
            return password
        # Letters of both cases, digits and a symbol satisfy any password policy of Cognito's.
        password = f"Aa1-{secrets.token_urlsafe(18)}"
        with suppress(cognito.exceptions.UsernameExistsException):
            cognito.admin_create_user(
                UserPoolId=pool_id,
                Username=USERNAME,
                MessageAction="SUPPRESS",
                UserAttributes=[
                    {"Name": "email", "Value": USERNAME},
                    {"Name": "email_verified", "Value": "true"},
                ],
            )
        cognito.admin_set_user_password(
            UserPoolId=pool_id, Username=USERNAME, Password=password, Permanent=True
        )
        # Last, so that what is found here is the user's; without it there will be another one.
        ssm.put_parameter(Name=_KEPT_AT, Value=password, Type="SecureString", Overwrite=True)
        return password


def _written_to() -> tuple[Path, Path]:
    """Where temporary files are, and where what outlives a stack is."""
    return Path(tempfile.gettempdir()), ROOT / ".local"
