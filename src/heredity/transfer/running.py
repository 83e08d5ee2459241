"""The calls of a graph, computed one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from heredity.errors import UntraceableModule
from heredity.graph import Graph, Kind, Node, Ref
from heredity.graph.batch_sizes import resized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from heredity.graph import Argument

    Operator = Callable[..., object]

# A graph is data from a store, so it may name only operators that compute: torch's own, and these.
_OTHERS = frozenset({"transformers.grouped_mm_fallback.default"})
_FORBIDDEN = ("aten.from_file", "aten.set_data", "aten._debug")


def operators_of(graph: Graph) -> dict[str, Operator]:
    """The operators that a graph names.

    Raises:
        UntraceableModule: One of them is not there, or none that a graph may name.
    """
    return {node.target: _operator(node) for node in graph.calls}


def run(
    graph: Graph,
    values: Mapping[str, object],
    *,
    operators: Mapping[str, Operator],
    batch: int,
    adjust: Callable[[Node, dict[str, object]], None],
) -> Iterator[tuple[Node, object]]:
    """Compute the calls of a graph in order; a value is let go of after it was last read.

    Args:
        graph: The graph.
        values: The values of its inputs, parameters, buffers and constants, by their nodes' names.
        operators: Its `operators_of`.
        batch: The size of the batch, for a graph whose sizes follow it.
        adjust: May change the arguments of a call.

    Yields:
        Each call with its result, and the output with its tensors.

    Raises:
        UntraceableModule: An operator refuses its arguments.
    """
    known = dict(values)
    last = {name: node.name for node in graph.nodes for name in node.refs()}
    for node in graph.nodes:
        if node.kind not in {Kind.CALL, Kind.OUTPUT}:
            continue
        arguments = {name: _given(graph, value, known, batch) for name, value in node.arguments.items()}
        if node.kind is Kind.OUTPUT:
            yield node, arguments["outputs"]
            continue
        adjust(node, arguments)
        known[node.name] = _called(node, operators[node.target], arguments)
        yield node, known[node.name]
        for name in set(node.refs()):
            if last[name] == node.name:
                del known[name]


def _called(node: Node, operator: Operator, arguments: dict[str, object]) -> object:
    try:
        return operator(**arguments)
    except (RuntimeError, TypeError, IndexError, NotImplementedError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UntraceableModule(
            f"{node.name}: {node.target} cannot be run from the graph: {reason}"
        ) from error


def _given(graph: Graph, value: Argument, known: Mapping[str, object], batch: int) -> object:
    if graph.batch is not None:
        value = resized(value, graph.batch, batch)
    return _resolved(value, known)


def _resolved(value: Argument, known: Mapping[str, object]) -> object:
    if isinstance(value, Ref):
        return known[value.name]
    if isinstance(value, tuple):
        return [_resolved(part, known) for part in value]
    if isinstance(value, str) and value.startswith("torch."):
        return getattr(torch, value.removeprefix("torch."), value)  # a dtype, a layout, a memory format
    return value


def _operator(node: Node) -> Operator:
    if node.target == "getitem":
        return _getitem
    if node.target in {"aten.view.default", "aten._unsafe_view.default"}:
        return _view
    overload = _overload(node.target)
    if overload is None:
        raise UntraceableModule(f"{node.name}: {node.target} is no operator that a graph may name.")
    names = [each.name for each in overload._schema.arguments if not each.kwarg_only]  # noqa: SLF001

    def call(**arguments: object) -> object:
        # By position, since a graph calls "input" what a schema calls "self".
        positional = [arguments.pop("input" if name == "self" else name) for name in names]
        return overload(*positional, **arguments)

    return call


def _overload(target: str) -> torch._ops.OpOverload | None:
    namespace, *path = target.split(".")
    if (namespace != "aten" and target not in _OTHERS) or target.startswith(_FORBIDDEN):
        return None
    found: object = getattr(torch.ops, namespace)
    for part in path:
        found = getattr(found, part, None)
    return found if isinstance(found, torch._ops.OpOverload) else None  # noqa: SLF001  # no public name


def _getitem(*, input: list[object], index: int) -> object:  # noqa: A002  # the name in the graph
    return input[index]


def _view(*, input: torch.Tensor, size: list[int]) -> torch.Tensor:  # noqa: A002  # the name in the graph
    """As ``reshape``: a graph leaves out the copies that make a view possible."""
    return input.reshape(size)
