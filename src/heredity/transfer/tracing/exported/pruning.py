"""Calls that nobody needs leave the graph; a write into the module's own tensors may not be needed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from heredity.errors import UntraceableModule
from heredity.graph import Graph, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping


def _needed(graph: Graph) -> frozenset[str]:
    """The nodes that the output depends on."""
    found = set(graph.outputs)
    for node in reversed(graph.nodes):
        if node.name in found:
            found.update(node.refs())
    return frozenset(found)


def without_state_writes(graph: Graph, written: Mapping[str, str]) -> Graph:
    """Leave out what was written into tensors of the module, such as counters.

    Args:
        graph: The graph, all writes in it.
        written: The nodes that hold what was written, with the tensor's name.

    Raises:
        UntraceableModule: The output depends on what was written, so the module is no function of its
            inputs and its state dict alone.
    """
    seen = sorted(written.keys() & _needed(graph))
    if seen:
        raise UntraceableModule(
            f"The module writes into {written[seen[0]]} in its forward, and its output depends on it.",
            hint="Read the tensor before it is written, or write it outside of forward.",
        )
    lost = set(written)
    for node in graph.nodes:
        if node.kind is Kind.CALL and not lost.isdisjoint(node.refs()):
            lost.add(node.name)
    return replace(graph, nodes=tuple(node for node in graph.nodes if node.name not in lost))


def without_idle_calls(graph: Graph) -> Graph:
    """Leave out calls and constants whose value nobody reads, but for calls that read a tensor themselves.

    Those stay, such as the pooling layer of a network whose first output does not need it: its tensors can
    still be matched by what they are used for.
    """
    stored = {node.name for node in graph.nodes if node.is_stored}
    read: set[str] = set()
    kept = []
    for node in reversed(graph.nodes):
        is_idle = node.name not in read and (
            (node.kind is Kind.CALL and stored.isdisjoint(node.refs()))
            or (node.kind in {Kind.CONSTANT, Kind.BUFFER} and not node.is_stored)
        )
        if not is_idle:
            kept.append(node)
            read.update(node.refs())
    nodes = tuple(reversed(kept))
    digests = {node.value_digest for node in nodes}
    return replace(graph, nodes=nodes, values={k: v for k, v in graph.values.items() if k in digests})
