"""An operator's arguments by name; ``tensors.1`` is the second part of a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.graph import Ref

if TYPE_CHECKING:
    from heredity.graph import Argument, Node


def argument_at(node: Node, name: str) -> Argument:
    """An argument, or a part of one that is a list; None if there is none."""
    name, _, index = name.partition(".")
    value = node.arguments.get(name)
    if not index:
        return value
    return value[int(index)] if isinstance(value, tuple) and int(index) < len(value) else None


def holds_nodes(argument: Argument) -> bool:
    """Whether an argument is a node's value, or holds some."""
    parts = argument if isinstance(argument, tuple) else (argument,)
    return any(isinstance(part, Ref) for part in parts)


def text(argument: Argument) -> str:
    """An argument as a message shows it."""
    if isinstance(argument, tuple):
        return f"({', '.join(map(text, argument))}{',' * (len(argument) == 1)})"
    return argument.name if isinstance(argument, Ref) else str(argument)
