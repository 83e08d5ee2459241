"""A supernet's graph under one selection, in which parts of tensors are tensors of their own."""

from __future__ import annotations

from dataclasses import replace

from heredity.graph import Graph, Node
from heredity.graph.module_graph import Argument, Kind, Ref

_SLICE = "aten.slice.Tensor"

Ranges = tuple[tuple[int, int], ...]
"""Where a part begins and ends along each axis."""


def fold(graph: Graph) -> tuple[Graph, dict[str, tuple[str, Ranges]]]:
    """Put a stored tensor in the place of each part that is cut out of one.

    The planner then sees the network that runs, and proves a child of it as it proves any other.

    Returns:
        The graph, and for the name of each part the tensor and the ranges that it is.
    """
    folding = _Folding(graph)
    return folding.result(), {name: (node.tensor, ranges) for name, (node, ranges) in folding.named.items()}


class _Folding:
    """One graph in the making."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.named: dict[str, tuple[Node, Ranges]] = {}
        self._parts: dict[str, tuple[Node, Ranges]] = {}
        self._names: dict[str, str] = {}

    def result(self) -> Graph:
        calls: list[Node] = []
        for node in self._graph.nodes:
            part = self._cut(node)
            if part is not None:
                self._parts[node.name] = part
            elif node.kind in {Kind.CALL, Kind.OUTPUT}:
                arguments = {name: self._folded(value) for name, value in node.arguments.items()}
                calls.append(replace(node, arguments=arguments))
        read = {name for node in calls for name in node.refs()}
        first = [node for node in self._graph.nodes if node.kind not in {Kind.CALL, Kind.OUTPUT}]
        kept = [node for node in first if not node.is_stored or node.name in read]
        made = [
            replace(node, name=self._names[name], tensor=name, shape=tuple(b - a for a, b in ranges))
            for name, (node, ranges) in self.named.items()
        ]
        tensors = {node.tensor for node in kept}
        tied = {alias: name for alias, name in self._graph.tied.items() if name in tensors}
        return replace(self._graph, nodes=(*kept, *made, *calls), tied=tied)

    def _cut(self, node: Node) -> tuple[Node, Ranges] | None:
        """The part of a stored tensor that a node is, if it is one."""
        source = node.arguments.get("input")
        if node.target != _SLICE or not isinstance(source, Ref) or node.arguments.get("step") != 1:
            return None
        whole = self._graph[source.name]
        if whole.is_stored and whole.shape is not None:
            tensor, ranges = whole, tuple((0, size) for size in whole.shape)
        elif source.name in self._parts:
            tensor, ranges = self._parts[source.name]
        else:
            return None
        axis, start = node.arguments["dim"], node.arguments["start"]
        if not isinstance(axis, int) or node.shape is None:
            return None
        begin = ranges[axis][0] + (start if isinstance(start, int) else 0)
        return tensor, (*ranges[:axis], (begin, begin + node.shape[axis]), *ranges[axis + 1 :])

    def _folded(self, value: Argument) -> Argument:
        if isinstance(value, tuple):
            return tuple(self._folded(each) for each in value)
        if not isinstance(value, Ref) or value.name not in self._parts:
            return value
        node, ranges = self._parts[value.name]
        name = f"{node.tensor}[{', '.join(f'{begin}:{end}' for begin, end in ranges)}]"
        self.named[name] = node, ranges
        self._names[name] = f"part.{name}"
        return Ref(self._names[name])
