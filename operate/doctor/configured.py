"""The stack's configuration, as this checkout has it."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from operate.doctor.site import Site
from operate.errors import OperatorError
from operate.stacks import ROOT


class MistakenConfigurationError(OperatorError):
    """The configuration has mistakes, or its file cannot be read."""


def configuration(site: Site) -> dict[str, str]:
    """Texts by full key, such as `powersync-auth:corsOrigins`; raises `OperatorError`.

    That of a stack in AWS is decrypted as `pulumi up` does, and kept nowhere.
    """
    if site.stack.is_local:
        return _local(site)
    command = [shutil.which("pulumi") or "pulumi", "config", "--json", "--show-secrets"]
    asked = subprocess.run(  # noqa: S603 - Pulumi, with the operator's own stack name
        [*command, "--stack", site.stack.name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    try:
        values = json.loads(asked.stdout)
        return {key: str(entry["value"]) for key, entry in values.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        reason = asked.stderr.strip() or "it answers no configuration"
        raise OperatorError(f"Pulumi does not tell the configuration: {reason}") from None


def _local(site: Site) -> dict[str, str]:
    # Where a local stack runs, its packages are there; elsewhere operators do without them.
    from local.configuration import (  # noqa: PLC0415
        ConfigurationFileError,
        stack_configuration,
    )

    file = site.outputs["local"].get("config_file")
    try:
        return stack_configuration(None, Path(file) if file else None)
    except ConfigurationFileError as error:
        raise MistakenConfigurationError(str(error)) from error


def setting(configured: Mapping[str, str], key: str) -> str:
    """The text of one of the project's settings; empty where it is not set."""
    found = (text for name, text in configured.items() if name.partition(":")[2] == key)
    return next(found, "")


def origins(configured: Mapping[str, str]) -> list[str]:
    """The setting `corsOrigins`."""
    text = setting(configured, "corsOrigins")
    return [str(origin) for origin in json.loads(text)] if text.strip() else []
