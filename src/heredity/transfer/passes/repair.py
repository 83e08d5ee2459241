"""Factors that a proof demands, given to the operators that can produce them.

Where scores of attention come out f times the parent's, or the outputs do because a tied head reads copies,
some layer before has to be multiplied by 1/f. Which one is found by walking back; then the proof runs again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from heredity.graph import Graph, Ref
from heredity.transfer.operators.rules.pieces import sizes_of
from heredity.transfer.operators.tensor_view import tensor_view
from heredity.transfer.passes.solve import Solution, solve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heredity.graph import Node
    from heredity.transfer.operators.call import Demand
    from heredity.transfer.operators.relation import Scales
    from heredity.transfer.passes.align import Alignment
    from heredity.transfer.passes.choose import AxisMaps

    DemandsOf = Callable[[Solution], Sequence[Demand]]

_MOST_RUNS = 12

# Operators whose tensors can produce a factor, and the operand that says so.
_PRODUCERS = {
    "aten.linear.default": "weight",
    "aten.addmm.default": "mat2",
    "aten.layer_norm.default": "weight",
    "aten.rms_norm.default": "weight",
    "aten.conv1d.default": "weight",
    "aten.conv2d.default": "weight",
    "aten.conv3d.default": "weight",
}
_PRODUCTS = frozenset({"aten.mul.Tensor"})

# A factor of the operand is one of the result.
_PASSING = frozenset(
    f"aten.{name}"
    for name in (
        *("view.default", "reshape.default", "flatten.using_ints", "unflatten.int", "transpose.int"),
        *("permute.default", "expand.default", "slice.Tensor", "select.int", "neg.default", "to.dtype"),
        *(
            "contiguous.default",
            "clone.default",
            "dropout.default",
            "add.Tensor",
            "sub.Tensor",
            "cat.default",
        ),
        *("mul.Tensor", "mul.Scalar", "div.Tensor", "div.Scalar", "unsqueeze.default", "squeeze.dim"),
        *("relu.default", "mean.dim", "sum.dim_IntList", "_unsafe_view.default", "stack.default"),
        *("adaptive_avg_pool2d.default", "avg_pool2d.default", "matmul.default"),
    )
)


def solve_with_repairs(
    parent: Graph, child: Graph, *, alignment: Alignment, maps: AxisMaps, demands_of: DemandsOf
) -> Solution:
    """Solve, and again with what was demanded multiplied in, until nothing is demanded any more.

    Args:
        parent: The parent's graph.
        child: The child's graph.
        alignment: Which operator stands for which.
        maps: Which entries each axis should take.
        demands_of: What else a solution demands, of its outputs.
    """
    for _ in range(_MOST_RUNS):
        solution = solve(parent, child, alignment=alignment, maps=maps)
        demands = [*solution.demands, *demands_of(solution)]
        factors = _factors(child, demands)
        if not factors:
            return solution
        maps = maps.times(factors)
    return solution


def _factors(child: Graph, demands: Sequence[Demand]) -> dict[str, Scales]:
    found: dict[str, Scales] = {}
    for demand in demands:
        producer = _producer(child, demand.node)
        if producer is not None:
            node, block = producer
            factors = np.ones((child[node].shape or (1,))[-1])
            factors[block] = demand.factor
            found.setdefault(node, factors)
    return found


def _producer(child: Graph, name: str) -> tuple[str, slice] | None:
    """The nearest operator before a value that can multiply it by setting a tensor that only it reads.

    Also which entries of its last axis: a value may be one part of what is split, as queries are.
    """
    node: Node | None = child[name]
    block = slice(None)
    while node is not None:
        if _can_produce(child, node, is_whole=block == slice(None)):
            return node.name, block
        if node.target == "getitem" and block == slice(None):
            found = _part(child, node)
            if found is None:
                return None
            node, block = found
            continue
        is_plain_head = node.target == "aten.linear.default" and node.arguments.get("bias") is None
        if node.target not in _PASSING and not is_plain_head:
            return None
        node = _followed(child, node)
    return None


def _part(child: Graph, item: Node) -> tuple[Node, slice] | None:
    """What an item of a split along the last axis is a part of, and which entries of it."""
    split, index = item.arguments["input"], item.arguments["index"]
    if not isinstance(split, Ref) or not isinstance(index, int):
        return None
    operand = child[split.name].arguments.get("input")
    if not isinstance(operand, Ref):
        return None
    shape = child[operand.name].shape or ()
    dim = child[split.name].arguments.get("dim")
    if not isinstance(dim, int) or not shape or dim % len(shape) != len(shape) - 1:
        return None
    sizes = sizes_of(child[split.name], shape[-1])
    start = sum(sizes[:index])
    return child[operand.name], slice(start, start + sizes[index])


def _can_produce(child: Graph, node: Node, *, is_whole: bool) -> bool:
    names = [_PRODUCERS[node.target]] if node.target in _PRODUCERS else []
    names = names if is_whole or "norm" not in node.target else []
    names += ["input", "other"] if node.target in _PRODUCTS and is_whole else []
    for name in names:
        ref = node.arguments.get(name)
        view = tensor_view(child, ref.name) if isinstance(ref, Ref) else None
        if view is not None and isinstance(ref, Ref) and _is_read_once(child, ref.name):
            return True
    return False


def _is_read_once(child: Graph, name: str) -> bool:
    node = child[name]
    while not node.is_stored:
        if len(child.users[node.name]) != 1:
            return False
        operand = node.arguments.get("input")
        if not isinstance(operand, Ref):
            return False
        node = child[operand.name]
    return len(child.users[node.name]) == 1


def _followed(child: Graph, node: Node) -> Node | None:
    """The operand that a factor comes in by: the first that depends on an input."""
    for name in node.refs():
        if tensor_view(child, name) is None and _depends_on_parameter(child, name):
            return child[name]
    return None


def _depends_on_parameter(child: Graph, name: str) -> bool:
    waiting, seen = [name], {name}
    while waiting:
        node = child[waiting.pop()]
        if node.is_stored:
            return True
        new = set(node.refs()) - seen
        seen |= new
        waiting += new
    return False
