"""A YAML file as plain values, with the line on which each stands. The only place that reads YAML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from heredity.encoding import Json
from heredity.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """Reads numbers and truth values as YAML 1.2 does.

    PyYAML follows YAML 1.1, to which ``1e-3`` is a text, ``010`` is eight and ``no`` is false. Here ``1e-3``
    is a number, and ``no`` is a text. So is ``010``, of which the two versions think differently.
    """


_PATTERNS = {
    "bool": ("tTfF", r"true|True|TRUE|false|False|FALSE"),
    "int": ("-+0123456789", r"[-+]?(0|[1-9][0-9]*)"),
    "float": (
        "-+.0123456789",
        (
            r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
            r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
        ),
    ),
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in _PATTERNS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _name, (_first, _pattern) in _PATTERNS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_pattern})$"), list(_first))

_CORE = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset({"map", "seq", "str", "int", "float", "bool", "null"})
"""Of YAML's types those that JSON has: dates, binary data and everything with a tag are refused."""


@dataclass(frozen=True, slots=True)
class YamlSource:
    """What a file holds, and where."""

    path: Path
    text: str
    value: Mapping[str, Json]
    lines: Mapping[tuple[str | int, ...], int]
    """Line of each key, by its path from the root."""

    def line_of(self, location: Iterable[str | int]) -> int:
        """The line of a value, or of the nearest thing around it that stands in the file.

        Parts of the location that are not in the file (a checker's own labels) are passed over.
        """
        found: tuple[str | int, ...] = ()
        for part in location:
            if (*found, part) in self.lines:
                found = (*found, part)
        return self.lines.get(found, 1)


def read_yaml(path: Path) -> YamlSource:
    """Read a file that holds one mapping of texts to plain values; nothing in it is executed.

    Raises:
        ConfigError: It cannot be read, is not YAML, holds a key twice or something else than plain values.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected text in UTF-8: {error}.") from error
    return parse_yaml(text, path)


def parse_yaml(text: str, path: Path) -> YamlSource:
    """Read what `read_yaml` reads from a text.

    Raises:
        ConfigError: As there; `path` is named.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        hint = "Indent with blanks, not with tabs." if "'\\t'" in str(error.problem) else ""
        raise ConfigError(f"{path}:{line}: not YAML: {error.problem}.", hint=hint) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {error}.") from error
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{path}:1: expected a mapping such as 'name: my-experiment'.")
    lines: dict[tuple[str | int, ...], int] = {}
    _Reader(path, lines).visit(root, ())
    value = yaml.load(text, Loader=_Loader)  # noqa: S506  # derived from the safe loader
    return YamlSource(path, text, value, lines)


class _Reader:
    """Walks the tree of a file: notes the lines, refuses what has no place in a settings file."""

    def __init__(self, path: Path, lines: dict[tuple[str | int, ...], int]) -> None:
        self._path = path
        self._lines = lines

    def visit(self, node: yaml.Node, location: tuple[str | int, ...]) -> None:
        self._lines.setdefault(location, node.start_mark.line + 1)
        if node.tag.removeprefix(_CORE) not in _PLAIN_TAGS:
            raise self._error(
                node, f"expected a number, a text or a truth value, got {node.tag} {node.value!r}"
            )
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self._visit_entry(key, value, location)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.visit(item, (*location, index))

    def _visit_entry(self, key: yaml.Node, value: yaml.Node, location: tuple[str | int, ...]) -> None:
        if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
            raise self._error(key, f"expected a text as key, got {key.value!r}; put it in quotes")
        inner = (*location, key.value)
        if inner in self._lines:
            raise self._error(key, f"the key {key.value!r} stands here and on line {self._lines[inner]}")
        self._lines[inner] = key.start_mark.line + 1
        self.visit(value, inner)

    def _error(self, node: yaml.Node, problem: str) -> ConfigError:
        return ConfigError(f"{self._path}:{node.start_mark.line + 1}: {problem}.")
