"""A config file's text as it is kept: with what was chosen at the start, and without passwords."""

from __future__ import annotations

import re
from collections.abc import Mapping

from heredity.encoding import Json, encode
from heredity.engine.files.yaml_source import YamlSource, parse_yaml

_PASSWORD = re.compile(
    r"(?P<name>\b(?:passwd|password|passphrase|sshPassphrase)\"?\s*:[ \t]*)"
    r"(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\s,}#](?:[^\n,}#]*[^\s,}#])?)"
)


def with_fields(source: YamlSource, fields: Mapping[str, Json]) -> YamlSource:
    """Write further fields into a file's text, under names with dots; they count before its own.

    Raises:
        ConfigError: The text is no YAML any more.
    """
    entries = [f'"{name}": {encode(value).decode()}' for name, value in fields.items()]
    stripped = source.text.lstrip()
    if stripped.startswith("{"):  # JSON, or YAML's own mapping in braces
        text = f"{{{', '.join([*entries, ''])}{stripped[1:]}"
    else:
        text = "\n".join([source.text.rstrip().removesuffix("\n..."), *entries, ""])
    return parse_yaml(text, source.path)


def without_passwords(text: str) -> str:
    """Take out the passwords of a `machineList`, which nothing here reads; the lines stay where they are."""
    return _PASSWORD.sub(r'\g<name>"-"', text)
