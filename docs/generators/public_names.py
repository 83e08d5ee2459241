"""The public names of a module with their first sentences, read off the sources: nothing is imported.

So the reference can be made, and tested, where torch or another tool is missing.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

SOURCE = Path(__file__).resolve().parents[2] / "src"

Kind = Literal["class", "function", "data", "module"]


@dataclass(frozen=True, slots=True)
class PublicName:
    """A name that a module offers."""

    name: str
    kind: Kind
    home: str
    """The module that defines it."""
    summary: str
    """The first sentence of its docstring; empty if it has none."""


def public_names(module: str) -> list[PublicName]:
    """The names that a module offers: its `__all__`, or `import X as X`, or what it defines itself.

    Raises:
        LookupError: A name is offered and not to be found.
    """
    return sorted((_resolve(module, name) for name in _offered(module)), key=lambda each: each.name.lower())


def _offered(module: str) -> list[str]:
    tree = _tree(module)
    for node in tree.body:
        if (
            isinstance(node, ast.Assign)
            and _targets(node) == ["__all__"]
            and isinstance(node.value, ast.List)
        ):
            try:
                return list(ast.literal_eval(node.value))
            except ValueError:
                break  # made of a table: the imports below say the same
    passed_on = [
        alias.asname
        for node in _imports(tree)
        for alias in node.names
        if alias.asname is not None and alias.asname == alias.name
    ]
    own = [
        name
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
        for name in [node.name]
        if not name.startswith("_")
    ]
    return passed_on or own


def _resolve(module: str, name: str) -> PublicName:
    tree = _tree(module)
    for position, node in reversed(
        [*enumerate(tree.body)]
    ):  # the last of several overloads has the docstring
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            kind: Kind = "class" if isinstance(node, ast.ClassDef) else "function"
            return PublicName(name, kind, module, _sentence(ast.get_docstring(node)))
        if isinstance(node, ast.Assign | ast.AnnAssign) and name in _targets(node):
            return PublicName(name, "data", module, _sentence(_text_below(tree.body, position)))
    for imported in _imports(tree):
        for alias in imported.names:
            if (alias.asname or alias.name) == name and imported.module is not None:
                return _through(module, imported.module, alias.name)
    raise LookupError(f"{module} offers {name}, which is not to be found")


def _through(module: str, source: str, name: str) -> PublicName:
    inner = f"{source}.{name}"
    try:
        if source != module:
            return _resolve(source, name)
    except LookupError:
        if _file(inner) is None:
            raise
    return PublicName(name, "module", inner, _sentence(ast.get_docstring(_tree(inner))))


def _targets(node: ast.stmt) -> list[str]:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return [name]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _text_below(body: list[ast.stmt], position: int) -> str | None:
    match body[position + 1 : position + 2]:
        case [ast.Expr(value=ast.Constant(value=str(text)))]:
            return text
    return None


def _imports(tree: ast.Module) -> list[ast.ImportFrom]:
    """Those at the top, and those that only a type checker reads."""
    inside = [child for node in tree.body if isinstance(node, ast.If) for child in node.body]
    return [node for node in [*tree.body, *inside] if isinstance(node, ast.ImportFrom)]


def _sentence(docstring: str | None) -> str:
    """The first paragraph, in one line."""
    return " ".join((docstring or "").strip().partition("\n\n")[0].split())


@cache
def _tree(module: str) -> ast.Module:
    file = _file(module)
    if file is None:
        raise LookupError(f"there is no module {module}")
    return ast.parse(file.read_text("utf-8"), str(file))


def _file(module: str) -> Path | None:
    path = SOURCE.joinpath(*module.split("."))
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)
