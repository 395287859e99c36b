"""Reads the stack's configuration, and reports every mistake at once."""

from __future__ import annotations

import json
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, cast, get_origin

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic.alias_generators import to_camel

from powersync_auth.checked import KEYS, Mistake, MistakenError, checked, listed, no_such_key
from powersync_auth.inputs import LATE
from powersync_auth.naming import Names
from powersync_auth.regions import configured_region

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from powersync_auth.args import PowerSyncAuthArgs
    from powersync_auth.settings import Settings

_TEXT_KEYS = {
    key
    for key, field in KEYS.items()
    if field.annotation is str or get_origin(field.annotation) is Literal
}


class ConfigurationError(pulumi.RunError):
    """The configuration has mistakes. Pulumi prints it without a traceback."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = mistakes
        super().__init__(
            f"The configuration of the stack {pulumi.get_stack()} has {listed(mistakes)}\n"
            "Nothing has been changed. Correct them in the stack's file or with "
            "`pulumi config set`."
        )


def configured() -> PowerSyncAuthArgs:
    """The current stack's configuration as the inputs of a `PowerSyncAuth`; secrets stay secret.

    Raises:
        ConfigurationError: Lists each mistake with its key and what it should be. Nothing has
            been created.
    """
    given = read_settings().model_dump(exclude_unset=True)
    secret = {name for name in given if to_camel(name) in LATE and is_secret(to_camel(name))}
    return cast(
        "PowerSyncAuthArgs",
        {name: pulumi.Output.secret(v) if name in secret else v for name, v in given.items()},
    )


def read_settings() -> Settings:
    """Reads and checks the configuration of the current stack; raises `ConfigurationError`."""
    namespace = pulumi.get_project()
    everything = _everything()
    values: dict[str, Any] = {}
    mistakes = _foreign(namespace, everything)
    for key, text in everything.items():
        name = key.removeprefix(f"{namespace}:")
        if name == key:
            continue
        if name not in KEYS:
            mistakes.append(Mistake(key, no_such_key(name, sorted(KEYS))))
        elif name in _TEXT_KEYS:
            values[name] = text
        elif text.strip():
            try:
                values[name] = json.loads(text)
            except ValueError:
                mistakes.append(Mistake(key, f"should be {_expected(name)}"))
    try:
        settings = checked(values, Names(namespace), configured_region())
    except MistakenError as error:
        found = error.mistakes
        mistakes += [m if ":" in m.key else replace(m, key=f"{namespace}:{m.key}") for m in found]
    if mistakes:
        raise ConfigurationError(sorted(mistakes))
    return settings


def is_secret(key: str) -> bool:
    """Whether the value of a key is marked as secret in this stack."""
    full_key = f"{pulumi.get_project()}:{key}"
    from_environment = runtime_config.get_config_secret_keys_env()
    return runtime_config.is_config_secret(full_key) or full_key in from_environment


def _everything() -> Mapping[str, str]:
    """All configured keys, known or not, with their values as text.

    `pulumi.Config` answers for keys that one asks for, and would let a misspelt one pass.
    """
    return {
        key: str(value)
        for key, value in {
            **runtime_config.get_config_env(),
            **runtime_config.CONFIG.get(),
        }.items()
    }


def _foreign(namespace: str, keys: Iterable[str]) -> list[Mistake]:
    """Keys of ours in a namespace that is not, which Pulumi would pass over in silence."""
    mistakes = []
    for key in keys:
        foreign, _, name = key.partition(":")
        if foreign == namespace:
            continue
        if get_close_matches(foreign, [namespace], 1) or name in KEYS:
            nearest = get_close_matches(name, KEYS, 1)
            meant = f"{namespace}:{nearest[0] if nearest else name}"
            mistakes.append(Mistake(key, f"no namespace of this project's; did you mean {meant}?"))
    return mistakes


def _expected(key: str) -> str:
    annotation = str(KEYS[key].annotation)
    for part, words in (
        ("bool", "true or false"),
        ("int", "a whole number"),
        ("list", "a list"),
    ):
        if part in annotation.split("[", maxsplit=1)[0]:
            return words
    return "an object"
