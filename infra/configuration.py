"""Reads the stack's configuration into `Settings`, and reports every mistake at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import ValidationError

from identity_providers import InvalidProviderError
from settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

_KEYS = {str(field.alias): field for field in Settings.model_fields.values()}
_TEXT_KEYS = {key for key, field in _KEYS.items() if field.annotation is str}
_TEXT_KEYS.add("signingAlgorithm")


def load_settings() -> Settings:
    """Reads and checks the configuration of the current stack.

    Raises:
        pulumi.RunError: Lists each mistake with its key and what it should be. Pulumi prints it
            without a traceback, and nothing has been created.
    """
    namespace = pulumi.get_project()
    values: dict[str, Any] = {}
    mistakes: list[str] = []
    for key, text in _configured(namespace).items():
        if key not in _KEYS:
            mistakes.append(f"{key}: no such key; there are {', '.join(sorted(_KEYS))}")
        elif key in _TEXT_KEYS:
            values[key] = text
        elif text.strip():
            try:
                values[key] = json.loads(text)
            except ValueError:
                mistakes.append(f"{key}: should be {_expected(key)}")
    # The CLI needs a default for every key that is not obligatory; an empty object stands for none.
    if values.get("customDomain") == {}:
        del values["customDomain"]
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            mistakes += _describe(details)
    if mistakes:
        listed = "\n".join(f"  - {namespace}:{mistake}" for mistake in sorted(mistakes))
        raise pulumi.RunError(
            f"The configuration of the stack {pulumi.get_stack()} has {len(mistakes)} "
            f"mistake{'s' if len(mistakes) > 1 else ''}:\n{listed}\n"
            "Nothing has been changed. Correct them in the stack's file or with "
            "`pulumi config set`."
        )
    return settings


def is_secret(key: str) -> bool:
    """Whether the value of a key is marked as secret in this stack."""
    full_key = f"{pulumi.get_project()}:{key}"
    from_environment = runtime_config.get_config_secret_keys_env()
    return runtime_config.is_config_secret(full_key) or full_key in from_environment


def _configured(namespace: str) -> Mapping[str, str]:
    """All configured keys of the namespace, known or not, with their values as text.

    `pulumi.Config` answers for keys that one asks for, and would let a misspelt one pass.
    """
    everything = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    prefix = f"{namespace}:"
    return {k.removeprefix(prefix): str(v) for k, v in everything.items() if k.startswith(prefix)}


def _describe(details: ErrorDetails) -> list[str]:
    """Says which keys are wrong and what each should be, without values, which may be secret."""
    path = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in details["loc"]
    ).lstrip(".")
    message = details["msg"]
    match details["type"]:
        case "value_error":
            error = details["ctx"]["error"]
            if isinstance(error, InvalidProviderError):
                return [f"{path}{below}: {text}" for below, text in error.mistakes]
            message = str(error)
        case "missing":
            message = "is missing"
        case "extra_forbidden":
            message = "no such key"
        case "model_type":
            message = "should be an object"
        case _:
            message = message.replace("Input ", "", 1)
    return [f"{path}: {message}"]


def _expected(key: str) -> str:
    annotation = str(_KEYS[key].annotation)
    for part, words in (
        ("bool", "true or false"),
        ("int", "a whole number"),
        ("list", "a list"),
    ):
        if part in annotation.split("[", maxsplit=1)[0]:
            return words
    return "an object"
