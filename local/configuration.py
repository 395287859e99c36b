"""The local stack's configuration: the project's defaults, `Pulumi.local.yaml`, and one's own.

All mistakes are found before anything is started, and told together with their file and line.
"""

import contextvars
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi.runtime import config as pulumi_config
from pulumi.runtime import settings as pulumi_settings

from local.emulator import ROOT
from local.yaml_file import UnreadableFileError, YamlFile, read_yaml
from powersync_auth.advice import advice
from powersync_auth.bundle import LOCAL, TARGET_VARIABLE
from powersync_auth.checked import Mistake
from powersync_auth.configuration import ConfigurationError, read_settings

STACK = "local"

_LONGEST_VALUE = 60
"""Characters of a value that are told."""

_SECRET = re.compile(r"secret|password|api_?key", re.IGNORECASE)
"""Keys whose values are not told."""

_NO_VALUE = object()


class ConfigurationFileError(Exception):
    """The configuration has mistakes; the message names each with its file and line."""


def project_name() -> str:
    """The Pulumi project's name, which is also the namespace of its keys."""
    return str(_mapping(_read(ROOT / "Pulumi.yaml"))["name"])


def stack_configuration(
    overrides: Mapping[str, Any] | None = None,
    file: Path | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> dict[str, str]:
    """Reads the configuration as the Pulumi CLI would pass it to the program, and checks it.

    Args:
        overrides: Values by key (`verifierCacheSeconds`); the project's namespace may be left out.
        file: A file like `Pulumi.local.yaml`, the keys of which replace those of that one.
        warn: Told what is probably not meant.

    Returns:
        Texts by full key (`powersync-auth:verifierCacheSeconds`); lists and objects as JSON.

    Raises:
        ConfigurationFileError: It has mistakes.
    """
    project = project_name()
    files = [_read(path) for path in (ROOT / f"Pulumi.{STACK}.yaml", file) if path is not None]
    sources = [_Source(None, _defaults(ROOT / "Pulumi.yaml"), project)]
    sources += [_Source(read, _config(read), project) for read in files]
    sources.append(_Source(None, overrides or {}, project))
    for read in files:
        for key, line, before in read.duplicates:
            warn(f"{read.path}:{line}: {key} stands in line {before} too; the last one counts")
    merged: dict[str, _Source] = {}
    mistakes: list[str] = []
    for source in sources:
        for key, value in source.values.items():
            mistake = _unusable(key, value)
            if mistake is not None:
                mistakes.append(f"{source.place(str(key))}{key}: {mistake}")
            else:
                merged[key] = source
    texts = {key: _text(source.values[key]) for key, source in merged.items()}
    region = texts.get("aws:region", "")
    if not re.fullmatch(r"[a-z]+(-[a-z]+)+-[0-9]+", region):
        where = merged.get("aws:region", sources[-1])
        mistakes.append(where.told("aws:region", "should be a region, such as us-east-1"))
    for found in _mistakes_of_the_program(texts, project, warn):
        where = merged.get(_top(found.key), sources[-1])
        mistakes.append(where.told(found.key, found.should))
    if mistakes:
        listed = "\n".join(f"  - {mistake}" for mistake in mistakes)
        raise ConfigurationFileError(
            f"the configuration has {len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}:\n"
            f"{listed}\nNothing has been started."
        )
    return texts


@dataclass(frozen=True)
class _Source:
    """Some values, and the file that they come from."""

    file: YamlFile | None
    given: Mapping[Any, Any]
    project: str

    @property
    def values(self) -> dict[Any, Any]:
        """The values by full key."""
        return {self._full(key): value for key, value in self.given.items()}

    def told(self, key: str, should: str) -> str:
        """A mistake with its place and value."""
        value = self._value(key)
        told = "" if value is _NO_VALUE or _SECRET.search(key) else f"is {_shown(value)}, "
        return f"{self.place(key)}{key}: {told}{should}"

    def _full(self, key: Any) -> Any:
        return key if not isinstance(key, str) or ":" in key else f"{self.project}:{key}"

    def place(self, key: str) -> str:
        """`mine.yaml:7: `, or nothing where there is no file."""
        if self.file is None:
            return ""
        written = key if _top(key) in self.given else key.removeprefix(f"{self.project}:")
        line = self.file.line(f"config.{written}")
        return f"{self.file.path}:{line}: " if line else f"{self.file.path}: "

    def _value(self, key: str) -> Any:
        value = self.values.get(_top(key), _NO_VALUE)
        for name, index in re.findall(r"\.([^.\[]+)|\[(\d+)\]", key[len(_top(key)) :]):
            try:
                value = value[int(index) if index else name]
            except (LookupError, TypeError):
                return _NO_VALUE
        return _NO_VALUE if value is None else value


def _top(key: str) -> str:
    """The configuration key that a path begins with."""
    return re.split(r"[.\[]", key, maxsplit=1)[0]


def _shown(value: Any) -> str:
    """A value, shortened, and without what may be a secret."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value) if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


def _mistakes_of_the_program(
    config: Mapping[str, str], project: str, warn: Callable[[str], None]
) -> Sequence[Mistake]:
    """What the program itself would refuse; asked before anything is started."""

    def check() -> Sequence[Mistake]:
        pulumi_settings.configure(pulumi_settings.Settings(project=project, stack=STACK))
        pulumi_config.set_all_config(dict(config))
        try:
            settings = read_settings()
        except ConfigurationError as error:
            return error.mistakes
        for told in advice(settings):
            warn(told)
        return ()

    with local_bundle():
        # Pulumi's settings are the context's.
        return contextvars.copy_context().run(check)


@contextmanager
def local_bundle() -> Iterator[None]:
    """Has the program ship the zip for this machine, and know that it is on it."""
    before = os.environ.get(TARGET_VARIABLE)
    os.environ[TARGET_VARIABLE] = LOCAL.name
    try:
        yield
    finally:
        if before is None:
            del os.environ[TARGET_VARIABLE]
        else:
            os.environ[TARGET_VARIABLE] = before


def _defaults(path: Path) -> dict[str, Any]:
    """What `Pulumi.yaml` declares: project keys have a `default`, foreign keys a `value`."""
    document = _mapping(_read(path))
    defaults: dict[str, Any] = {}
    for key, declaration in (document.get("config") or {}).items():
        if not isinstance(declaration, dict):
            defaults[key] = declaration
        elif "value" in declaration:
            defaults[key] = declaration["value"]
        elif "default" in declaration:
            defaults[key] = declaration["default"]
    return defaults


def _read(path: Path) -> YamlFile:
    try:
        return read_yaml(path)
    except UnreadableFileError as error:
        raise ConfigurationFileError(str(error)) from error


def _mapping(file: YamlFile) -> dict[str, Any]:
    if not isinstance(file.content, dict):
        raise ConfigurationFileError(f"{file.path}: should be a mapping, as Pulumi's files are")
    return file.content


def _config(file: YamlFile) -> dict[Any, Any]:
    config = _mapping(file).get("config")
    if not isinstance(config, dict):
        raise ConfigurationFileError(
            f"{file.path}: should have a mapping `config:`, as in Pulumi's files"
        )
    return config


def _unusable(key: Any, value: Any) -> str | None:
    """What YAML takes, and cannot be passed on; whether a value fits is for the program to say."""
    if not isinstance(key, str):
        return "is no key: should be a name, such as powersyncUrl"
    if value is None:
        return "has no value; give it one, or leave the line out"
    if isinstance(value, dict) and value.keys() == {"secure"}:
        return "is encrypted, which only the Pulumi CLI can read; write it as it is"
    try:
        _text(value)
    except (TypeError, ValueError) as error:
        return f"cannot be passed on as JSON ({error}); put a date, say, into quotes"
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, allow_nan=False)
