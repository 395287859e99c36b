"""Reads the stack's configuration into `Settings`, and reports every mistake at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import BaseModel, ValidationError

import environment
from advice import advice
from identity_providers import InvalidProviderError
from regions import configured_region, has_http_apis
from restarts import restarted
from settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic_core import ErrorDetails

_KEYS = {str(field.alias): field for field in Settings.model_fields.values()}
_TEXT_KEYS = {
    key
    for key, field in _KEYS.items()
    if field.annotation is str or get_origin(field.annotation) is Literal
}


@dataclass(frozen=True, order=True)
class Mistake:
    """What is wrong with the configuration.

    Attributes:
        key: Where, with the namespace: `powersync-auth:identityProviders[0].issuer`.
        should: What it should be, without its value, which may be secret.
    """

    key: str
    should: str


class ConfigurationError(pulumi.RunError):
    """The configuration has mistakes. Pulumi prints it without a traceback."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = mistakes
        listed = "\n".join(f"  - {mistake.key}: {mistake.should}" for mistake in mistakes)
        super().__init__(
            f"The configuration of the stack {pulumi.get_stack()} has {len(mistakes)} "
            f"mistake{'s' if len(mistakes) > 1 else ''}:\n{listed}\n"
            "Nothing has been changed. Correct them in the stack's file or with "
            "`pulumi config set`."
        )


def load_settings() -> Settings:
    """Reads and checks the configuration of the current stack, and warns of what it advises.

    Raises:
        ConfigurationError: Lists each mistake with its key and what it should be. Nothing has
            been created.
    """
    settings = read_settings()
    for warning in advice(settings):
        pulumi.log.warn(warning)
    return settings


def read_settings() -> Settings:
    """Reads and checks the configuration of the current stack; raises `ConfigurationError`."""
    namespace = pulumi.get_project()
    everything = _everything()
    values: dict[str, Any] = {}
    mistakes = [*_foreign(namespace, everything), *_region()]
    for key, text in everything.items():
        name = key.removeprefix(f"{namespace}:")
        if name == key:
            continue
        if name not in _KEYS:
            mistakes.append(Mistake(key, _no_such_key(name, sorted(_KEYS))))
        elif name in _TEXT_KEYS:
            values[name] = text
        elif text.strip():
            try:
                values[name] = _with_defaults(_default(name), json.loads(text))
            except ValueError:
                mistakes.append(Mistake(key, f"should be {_expected(name)}"))
    # The CLI needs a default for every key that is not obligatory; an empty object stands for none.
    if values.get("customDomain") == {}:
        del values["customDomain"]
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            mistakes += _described(namespace, details)
    else:
        mistakes += _too_long(namespace, settings)
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
        nearest = get_close_matches(name, _KEYS, 1)
        misspelt = foreign != namespace and get_close_matches(foreign, [namespace], 1)
        if foreign != namespace and (misspelt or name in _KEYS):
            meant = f"{namespace}:{nearest[0] if nearest else name}"
            mistakes.append(Mistake(key, f"no namespace of this project's; did you mean {meant}?"))
    return mistakes


def _region() -> list[Mistake]:
    region = configured_region()
    if region is None or has_http_apis(region):
        return []
    return [Mistake("aws:region", f"should be another one: {region} has no HTTP APIs")]


def _too_long(namespace: str, settings: Settings) -> list[Mistake]:
    """Names the longest setting where a function could not be told all of them.

    There has to be room to restart it, too: in an emergency is no time to find that there is none.
    """
    restart = restarted(datetime.now(UTC))
    environments = environment.longest(settings).items()
    sizes = {name: environment.measured({**told, **restart}) for name, told in environments}
    function, size = max(sizes.items(), key=lambda named: named[1])
    if size <= environment.LIMIT:
        return []
    lengths = {
        "identityProviders": settings.identity_providers,
        "audiences": settings.audiences,
        "powersyncUrl": settings.powersync_url,
    }
    longest = max(lengths, key=lambda key: len(json.dumps(lengths[key])))
    return [
        Mistake(
            f"{namespace}:{longest}",
            f"should be shorter: the environment of the function {function} would have up to"
            f" {size} bytes with what restarts it, and Lambda takes {environment.LIMIT}; it counts"
            " them as JSON, in which each quotation mark of a value is two",
        )
    ]


def _no_such_key(name: str, known: Sequence[str]) -> str:
    nearest = get_close_matches(name, known, 1)
    if nearest:
        return f"no such key; did you mean {nearest[0]}?"
    return f"no such key; there are {', '.join(known)}" if known else "no such key"


def _described(namespace: str, details: ErrorDetails) -> list[Mistake]:
    """Says which keys are wrong and what each should be."""
    path = f"{namespace}:" + "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in details["loc"]
    ).lstrip(".")
    message = details["msg"]
    match details["type"]:
        case "value_error":
            error = details["ctx"]["error"]
            if isinstance(error, InvalidProviderError):
                return [Mistake(f"{path}{below}", text) for below, text in error.mistakes]
            message = str(error)
        case "missing":
            message = "is missing"
        case "extra_forbidden":
            message = _no_such_key(str(details["loc"][-1]), _keys_beside(details["loc"]))
        case "model_type":
            message = "should be an object"
        case _:
            message = message.replace("Input ", "", 1)
    return [Mistake(path, message)]


def _keys_beside(location: Sequence[int | str]) -> list[str]:
    """The keys that there are where one was given that there is not."""
    model: type[BaseModel] = Settings
    for part in location[:-1]:
        fields = {str(field.alias): field.annotation for field in model.model_fields.values()}
        kinds = [fields.get(str(part)), *get_args(fields.get(str(part)))]
        models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not models:
            return []
        model = models[0]
    return sorted(str(field.alias) for field in model.model_fields.values())


def _default(key: str) -> Any:
    default = _KEYS[key].get_default(call_default_factory=True)
    return default.model_dump(by_alias=True) if isinstance(default, BaseModel) else default


def _with_defaults(default: Any, given: Any) -> Any:
    """An object with the defaults of the keys that it leaves out, at any depth.

    `pulumi config set --path throttling.jwks.rate 500` leaves nothing else of the default.
    """
    if not (isinstance(default, dict) and isinstance(given, dict)):
        return given
    return default | {key: _with_defaults(default.get(key), given[key]) for key in given}


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
