"""A network's graph at a batch of another size than the one that was recorded."""

from __future__ import annotations

from dataclasses import replace

from heredity.graph.module_graph import Argument, Batch, Graph, Node


def with_batch(graph: Graph, size: int) -> Graph:
    """The graph with all sizes as they are for a batch of this size; as it is if they do not follow it."""
    batch = graph.batch
    if batch is None:
        return graph
    return replace(graph, nodes=tuple(_resized(node, batch, size) for node in graph.nodes), batch=None)


def alike_in_batch(parent: Graph, child: Graph) -> tuple[Graph, Graph]:
    """Bring two graphs to one size of the batch, where that is possible, so that they can be compared."""
    if parent.batch is None and child.batch is None:
        return parent, child
    if parent.batch is not None and child.batch is not None:
        if parent.batch.stand_in == child.batch.stand_in:
            return parent, child
        size = parent.batch.example
    else:
        # One of them could be recorded at one size only: the size of its first input's first axis.
        fixed = parent if parent.batch is None else child
        size = next((spec.shape[0] for spec in fixed.inputs if spec.shape), 1)
    return with_batch(parent, size), with_batch(child, size)


def resized(value: Argument, batch: Batch, size: int) -> Argument:
    """An argument as it is for a batch of another size."""
    if isinstance(value, tuple):
        return tuple(resized(part, batch, size) for part in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return batch.size(value, batch=size)
    return value


def _resized(node: Node, batch: Batch, size: int) -> Node:
    arguments = {name: resized(value, batch, size) for name, value in node.arguments.items()}
    shape = None if node.shape is None else tuple(batch.size(each, batch=size) for each in node.shape)
    return replace(node, arguments=arguments, shape=shape)
