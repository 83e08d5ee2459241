"""Single numbers of a network: written into it, kept as constants, or computed of these."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from heredity.graph import Ref
from heredity.transfer.tracing.exported.constants import value_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from heredity.graph import Graph, Node

_OF_TWO: dict[str, Callable[[float, float], float]] = {
    "aten.mul.Tensor": lambda a, b: a * b,
    "aten.div.Tensor": lambda a, b: a / b if b else math.nan,
}
_OF_ONE: dict[str, Callable[[float], float]] = {
    "aten.sqrt.default": lambda a: math.sqrt(a) if a >= 0 else math.nan,
    "aten.rsqrt.default": lambda a: 1 / math.sqrt(a) if a > 0 else math.nan,
}


def number_in(graph: Graph, node: Node, name: str) -> float | None:
    """The number that an argument of a node is, whatever comes in; None if it is not known to be one."""
    value = node.arguments.get(name)
    if isinstance(value, Ref):
        value = _number_of(graph, graph[value.name])
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number and isinstance(value, int | float) else None


def _number_of(graph: Graph, node: Node) -> float | None:
    """The value of a node without axes."""
    if node.shape != () or node.is_stored or not node.dtype.startswith("float"):
        return None
    constant = value_of(node, graph.values)
    if constant is not None:
        return float(constant)
    if node.target in _OF_ONE:
        operand = number_in(graph, node, "input")
        return None if operand is None else _OF_ONE[node.target](operand)
    if node.target in _OF_TWO and node.arguments.get("rounding_mode") is None:
        operands = number_in(graph, node, "input"), number_in(graph, node, "other")
        if operands[0] is not None and operands[1] is not None:
            return _OF_TWO[node.target](operands[0], operands[1])
    return None
