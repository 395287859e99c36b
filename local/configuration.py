"""The local stack's configuration: the project's defaults, `Pulumi.local.yaml`, and one's own."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from local.emulator import ROOT

STACK = "local"


class ConfigurationFileError(Exception):
    """A configuration file is not there, or is no configuration; the message names it."""


def project_name() -> str:
    """The Pulumi project's name, which is also the namespace of its keys."""
    return str(_mapping(ROOT / "Pulumi.yaml")["name"])


def stack_configuration(
    overrides: Mapping[str, Any] | None = None, file: Path | None = None
) -> dict[str, str]:
    """Reads the configuration as the Pulumi CLI would pass it to the program.

    Args:
        overrides: Values by key (`verifierCacheSeconds`); the project's namespace may be left out.
        file: A file like `Pulumi.local.yaml`, the keys of which replace those of that one.

    Returns:
        Texts by full key (`powersync-auth:verifierCacheSeconds`); lists and objects as JSON.

    Raises:
        ConfigurationFileError: The file cannot be used, or there is no region.
    """
    project = project_name()
    merged = _defaults(ROOT / "Pulumi.yaml")
    merged |= _qualified(_config(ROOT / f"Pulumi.{STACK}.yaml"), project)
    if file is not None:
        merged |= _qualified(_config(file), project)
    merged |= _qualified(overrides or {}, project)
    region = merged.get("aws:region")
    if not re.fullmatch(r"[a-z]+(-[a-z]+)+-[0-9]+", str(region)):
        raise ConfigurationFileError(
            f"aws:region: should be a region, such as us-east-1, and is {region!r}"
        )
    return {key: _text(value) for key, value in merged.items()}


def _defaults(path: Path) -> dict[str, Any]:
    """What `Pulumi.yaml` declares: project keys have a `default`, foreign keys a `value`."""
    document = _mapping(path)
    defaults: dict[str, Any] = {}
    for key, declaration in (document.get("config") or {}).items():
        if not isinstance(declaration, dict):
            defaults[key] = declaration
        elif "value" in declaration:
            defaults[key] = declaration["value"]
        elif "default" in declaration:
            defaults[key] = declaration["default"]
    return _qualified(defaults, str(document["name"]))


def _config(path: Path) -> dict[str, Any]:
    config = _mapping(path).get("config")
    if not isinstance(config, dict):
        raise ConfigurationFileError(
            f"{path}: should have a mapping `config:`, as in Pulumi's files"
        )
    if mistakes := [told for key, value in config.items() if (told := _mistake(key, value))]:
        raise ConfigurationFileError("\n".join(f"{path}: {mistake}" for mistake in mistakes))
    return config


def _mistake(key: Any, value: Any) -> str | None:
    """What YAML takes, and cannot be passed on; whether a value fits is for the program to say."""
    if not isinstance(key, str):
        return f"{key!r} is no key: should be a name, such as powersyncUrl"
    if value is None:
        return f"{key}: has no value; give it one, or leave the line out"
    try:
        _text(value)
    except (TypeError, ValueError) as error:
        return f"{key}: cannot be passed on as JSON ({error}); put a date, say, into quotes"
    return None


def _mapping(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    # ValueError: it is not UTF-8, or has a date that there is not.
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigurationFileError(f"{path} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise ConfigurationFileError(f"{path}: should be a mapping, as Pulumi's files are")
    return document


def _qualified(config: Mapping[str, Any], project: str) -> dict[str, Any]:
    return {key if ":" in key else f"{project}:{key}": value for key, value in config.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, allow_nan=False)
