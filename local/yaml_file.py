"""A YAML file with the line of everything in it, so that a mistake can be pointed at."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML has been built with it: a twentieth of the time."""


class UnreadableFileError(Exception):
    """The file is not there, or is no YAML; the message says which and why."""


@dataclass(frozen=True)
class YamlFile:
    """What a file says, and where.

    Attributes:
        path: The file.
        content: The document as Python values.
        duplicates: Keys that stand twice in one mapping, of which YAML takes the last: the key,
            its line, and the line of the one before.
    """

    path: Path
    content: Any
    duplicates: tuple[tuple[str, int, int], ...]
    _lines: dict[str, int] = field(repr=False)

    def line(self, path: str) -> int | None:
        """The line of `config.anonymous.subject` or `list[2].key`, or of what it would be in."""
        while path:
            if path in self._lines:
                return self._lines[path]
            path = re.sub(r"(\.[^.\[]*|\[\d+\]|^[^.\[]+)$", "", path)
        return None


def read_yaml(path: Path) -> YamlFile:
    """Reads a file; raises `UnreadableFileError`."""
    try:
        loader = _LOADER(path.read_text("utf-8"))
        node = loader.get_single_node()
        content = None if node is None else loader.construct_document(node)
    # ValueError: it is not UTF-8, or has a date that there is not.
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UnreadableFileError(f"{path} cannot be read: {error}") from error
    places = () if node is None else tuple(_places(node, ""))
    duplicates = tuple((at.name, at.line, at.before) for at in places if at.before is not None)
    return YamlFile(path, content, duplicates, {at.name: at.line for at in places})


@dataclass(frozen=True)
class _Place:
    """A key or item; `before` is the line where the same key of the same mapping stands too."""

    name: str
    line: int
    before: int | None = None


def _places(node: yaml.Node, path: str) -> Iterator[_Place]:
    """Every key and item below a node, with its line, counted from 1."""
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = f"{path}.{key.value}".lstrip("."), key.start_mark.line + 1
            yield _Place(name, line, lines.get(name))
            lines[name] = line
            yield from _places(value, name)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            name = f"{path}[{index}]"
            yield _Place(name, item.start_mark.line + 1)
            yield from _places(item, name)
