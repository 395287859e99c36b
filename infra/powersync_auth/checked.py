"""Makes `Settings` of what somebody has given, or says everything that is wrong with it.

For the stack's configuration and for the inputs of a component alike.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from powersync_auth import environment
from powersync_auth.identity_providers import InvalidProviderError
from powersync_auth.regions import has_http_apis
from powersync_auth.restarts import restarted
from powersync_auth.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_core import ErrorDetails

    from powersync_auth.naming import Names

KEYS = {str(field.alias): field for field in Settings.model_fields.values()}
"""All settings, by their names in the configuration."""


@dataclass(frozen=True, order=True)
class Mistake:
    """What is wrong with a setting.

    Attributes:
        key: Where: `identityProviders[0].issuer`, or `aws:region`.
        should: What it should be, without its value, which may be secret.
    """

    key: str
    should: str


class MistakenError(Exception):
    """Some settings cannot be.

    Attributes:
        mistakes: All of them.
    """

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = mistakes
        super().__init__("\n".join(f"{mistake.key}: {mistake.should}" for mistake in mistakes))


def listed(mistakes: Sequence[Mistake]) -> str:
    """How many there are, and a line for each."""
    count = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
    return "\n".join([f"{count}:", *(f"  - {m.key}: {m.should}" for m in mistakes)])


def checked(values: Mapping[str, Any], names: Names, region: str | None) -> Settings:
    """Checks values together.

    Args:
        values: By camelCase names; objects may leave out what has a default.
        names: What the things will be called.
        region: Where they will be; None where it is known during the deployment only.

    Raises:
        MistakenError: Lists everything that is wrong.
    """
    mistakes = [Mistake(key, no_such_key(key, sorted(KEYS))) for key in values if key not in KEYS]
    if region is not None and not has_http_apis(region):
        mistakes.append(Mistake("aws:region", f"should be another one: {region} has no HTTP APIs"))
    whole = {key: _with_defaults(_default(key), values[key]) for key in KEYS if key in values}
    # The CLI needs a default for every key that is not obligatory; an empty object stands for none.
    whole = {k: v for k, v in whole.items() if v != {} or k not in ("customDomain", "httpApi")}
    try:
        settings = Settings.model_validate(whole, context={"region": region})
    except ValidationError as error:
        for details in error.errors(include_url=False):
            mistakes += _described(details)
    else:
        mistakes += _too_long(settings, names, region)
    if mistakes:
        raise MistakenError(sorted(mistakes))
    return settings


def _too_long(settings: Settings, names: Names, region: str | None) -> list[Mistake]:
    """Names the longest setting where a function could not be told all of them.

    There has to be room to restart it, too: in an emergency is no time to find that there is none.
    """
    restart = restarted(datetime.now(UTC))
    environments = environment.longest(settings, names, region).items()
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
            longest,
            f"should be shorter: the environment of the function {function} would have up to"
            f" {size} bytes with what restarts it, and Lambda takes {environment.LIMIT}; it counts"
            " them as JSON, in which each quotation mark of a value is two",
        )
    ]


def no_such_key(name: str, known: Sequence[str]) -> str:
    """Says that there is no such key, and which one may have been meant."""
    nearest = get_close_matches(name, known, 1)
    if nearest:
        return f"no such key; did you mean {nearest[0]}?"
    return f"no such key; there are {', '.join(known)}" if known else "no such key"


def _described(details: ErrorDetails) -> list[Mistake]:
    """Says which keys are wrong and what each should be."""
    path = "".join(
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
            message = no_such_key(str(details["loc"][-1]), _keys_beside(details["loc"]))
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
    default = KEYS[key].get_default(call_default_factory=True)
    return default.model_dump(by_alias=True) if isinstance(default, BaseModel) else default


def _with_defaults(default: Any, given: Any) -> Any:
    """An object with the defaults of the keys that it leaves out, at any depth.

    `pulumi config set --path throttling.jwks.rate 500` leaves nothing else of the default.
    """
    if not (isinstance(default, dict) and isinstance(given, dict)):
        return given
    return default | {key: _with_defaults(default.get(key), given[key]) for key in given}
