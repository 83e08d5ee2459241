"""Operators of branchy pieces paired by what they read: a proposal for pieces whose topology differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.graph import Graph, origin, signature
from heredity.transfer.operators.tensor_view import tensor_view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heredity.graph import Node


def assign_by_operands(
    child: Graph,
    ours: Sequence[str],
    parent: Graph,
    theirs: Sequence[str],
    partner: Mapping[str, str],
) -> dict[str, str]:
    """Pair each operator of the child, in order, with the most similar one that reads the same.

    Operators that the parent does not have are looked through: what reads them is compared by what they read.

    Args:
        child: The child's graph.
        ours: The operators of the child's piece, in order.
        parent: The parent's graph.
        theirs: The operators of the parent's piece.
        partner: What is paired before.
    """
    found = dict(partner)
    free = dict.fromkeys(theirs)
    reads = {name: _reads(parent, parent[name]) for name in theirs}
    for name in ours:
        node = child[name]
        read = {_resolved(child, operand, found) for operand in _reads(child, node)}
        alike = [other for other in free if parent[other].target == node.target and set(reads[other]) <= read]
        if alike:
            best = max(alike, key=lambda other: _likeness(child, node, parent, parent[other]))
            found[name] = best
            del free[best]
    return {name: found[name] for name in ours if name in found}


def _reads(graph: Graph, node: Node) -> list[str]:
    """The activations that an operator reads, seen through what changes nothing."""
    return [origin(graph, name) for name in node.refs() if tensor_view(graph, name) is None]


def _resolved(child: Graph, name: str, found: Mapping[str, str]) -> str | None:
    """The partner of a value, or of what a new operator reads first."""
    while name not in found:
        before = _reads(child, child[name])
        if not before:
            return None
        name = before[0]
    return found[name]


def _likeness(child: Graph, node: Node, parent: Graph, other: Node) -> tuple[bool, bool, bool, bool]:
    return (
        signature(child, node) == signature(parent, other),
        _targets_of_users(child, node) == _targets_of_users(parent, other),
        _tensors(child, node) == _tensors(parent, other),
        node.shape == other.shape,
    )


def _targets_of_users(graph: Graph, node: Node) -> list[str]:
    return sorted(graph[user].target for user in graph.users[node.name])


def _tensors(graph: Graph, node: Node) -> list[str]:
    return [graph[name].tensor for name in node.refs() if graph[name].is_stored]
