"""What a class says of each of its arguments: from `Args:` of its docstring, or the text below a field."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import textwrap

_ARGUMENT = re.compile(r"^ {4}(?P<name>\w+): (?P<text>.*(?:\n {5,}.*)*)", re.MULTILINE)


def descriptions_of(target: type) -> dict[str, str]:
    """The texts by the arguments' names; those of base classes where the class itself says nothing."""
    found: dict[str, str] = {}
    for kind in reversed(target.__mro__):
        if kind is not object:
            found |= _from_fields(kind) | _from_docstring(kind)
    return {name: _in_a_cell(text) for name, text in found.items()}


def _from_docstring(kind: type) -> dict[str, str]:
    text = inspect.cleandoc(kind.__doc__ or "")
    _, _, rest = text.partition("Args:\n")
    arguments = re.split(r"\n\n(?=\S)", rest)[0]
    return {match["name"]: match["text"] for match in _ARGUMENT.finditer(arguments)}


def _from_fields(kind: type) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError):  # built in
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found = {}
    for field, below in itertools.pairwise(body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = text
    return found


def _in_a_cell(text: str) -> str:
    return " ".join(text.split()).replace("``", "`")
