"""The inputs of a component as `Settings`, though some of them be outputs of other resources."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

import pulumi
from pydantic import BaseModel
from pydantic.alias_generators import to_camel, to_snake

from powersync_auth.checked import KEYS, Mistake, MistakenError, checked, listed
from powersync_auth.regions import configured_region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from powersync_auth.args import PowerSyncAuthArgs
    from powersync_auth.naming import Names
    from powersync_auth.settings import Settings

LATE = {
    "powersyncUrl": "",
    "audiences": [],
    "legacyKeys": [],
    "identityProviders": [],
    "corsOrigins": ["https://known-later.invalid"],
    "customDomain": {
        "name": "known-later.invalid",
        "certificateArn": "arn:aws:acm:{region}:000000000000:certificate/known-later",
    },
    "httpApi": {"id": "knownlater", "url": ""},
    "alarmEmail": "known@later.invalid",
    "alarmTopicArn": "arn:aws:sns:{region}:000000000000:known-later",
    "customerKeyArn": "arn:aws:kms:{region}:000000000000:key/known-later",
    "breakGlassPrincipals": [],
    "permissionsBoundary": "",
}
"""What may be known during the deployment only, and what stands for it until then.

So much is known at once: that there are origins, a domain, somebody to write to, a key; and of an
object the members that are not listed.
"""


class InvalidInputsError(pulumi.RunError):
    """A component cannot be made of its inputs. Pulumi prints it without a traceback."""

    def __init__(self, names: Names, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = mistakes
        super().__init__(
            f"PowerSyncAuth {names.instance!r} has {listed(mistakes)}\n"
            "Nothing of it has been changed."
        )


def settle(args: PowerSyncAuthArgs, names: Names, *, elsewhere: bool) -> Settings:
    """Checks the inputs of a component: at once what is known, and the rest when it is.

    Args:
        args: The inputs, by snake_case names or, below the first level, by camelCase ones.
        names: What the component's things are called.
        elsewhere: Whether it has a provider of its own, so that the stack's region is not its.

    Raises:
        InvalidInputsError: Lists everything that is wrong. What is found when values are known
            fails the resources that would have used them.
    """
    region = None if elsewhere else configured_region()
    given = {to_camel(name): value for name, value in args.items() if value is not None}
    late = {key: value for key, value in given.items() if _has_output(value)}
    mistakes = [
        Mistake(path, "should be known when the program runs: it decides what there is to be made")
        for key, value in late.items()
        for path in _known_too_late(key, value)
    ]

    def judged(values: Mapping[str, Any]) -> Settings:
        by_alias = {key: _by_alias(_annotation(key), value) for key, value in values.items()}
        try:
            settings = checked(by_alias, names, region)
        except MistakenError as error:
            raise InvalidInputsError(names, sorted([*mistakes, *error.mistakes])) from None
        if mistakes:
            raise InvalidInputsError(names, sorted(mistakes))
        return settings

    stand_ins = {
        key: _until_then(key, value, region)
        for key, value in late.items()
        if not _known_too_late(key, value)
    }
    settings = judged({key: value for key, value in given.items() if key not in late} | stand_ins)
    if late:
        everything: pulumi.Output[dict[str, Any]] = pulumi.Output.from_input(given)
        settings.wait_for(
            everything.apply(judged),
            {to_snake(key): pulumi.Output.from_input(value) for key, value in late.items()},
        )
    return settings


def _known_too_late(key: str, value: Any) -> list[str]:
    """What of an input decides something, and is known during the deployment only."""
    match LATE.get(key):
        case None:
            return [key]
        case dict(members):
            if not isinstance(value, Mapping):
                return [key]
            late = {to_camel(name) for name, member in value.items() if _has_output(member)}
            return [f"{key}.{name}" for name in late - members.keys()]
    return []


def _until_then(key: str, value: Any, region: str | None) -> Any:
    """What stands for a value that is known later; members that are known already are kept."""
    known = _by_alias(_annotation(key), value) if isinstance(value, Mapping) else {}
    match LATE[key]:
        case str(text):
            return text.format(region=region or "us-east-1")
        case dict(members):
            return {
                **{
                    name: text.format(region=region or "us-east-1")
                    for name, text in members.items()
                },
                **{name: member for name, member in known.items() if not _has_output(member)},
            }
        case stand_in:
            return stand_in


def _has_output(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_has_output(member) for member in value.values())
    if isinstance(value, list | tuple):
        return any(_has_output(item) for item in value)
    return isinstance(value, pulumi.Output) or inspect.isawaitable(value)


def _annotation(key: str) -> Any:
    return KEYS[key].annotation if key in KEYS else Any


def _by_alias(annotation: Any, value: Any) -> Any:
    """A value as the configuration would have it: camelCase members, whole numbers whole.

    Numbers come as floats from other languages. What is no model of ours is left as it is.
    """
    models = [kind for kind in (annotation, *get_args(annotation)) if _is_model(kind)]
    if models and isinstance(value, Mapping):
        fields = {str(f.alias): f.annotation for f in models[0].model_fields.values()}
        named = {to_camel(name): member for name, member in value.items() if member is not None}
        return {name: _by_alias(fields.get(name), member) for name, member in named.items()}
    if isinstance(value, list | tuple):
        items = (models or [Any])[0]
        return [_by_alias(items, item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: _by_alias(Any, member) for name, member in value.items()}
    return value


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
