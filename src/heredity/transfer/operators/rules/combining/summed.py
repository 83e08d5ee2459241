"""Which axes belong together around a product that is summed over right away: a contraction by hand.

What is new in one factor has to meet zero in the other, so that the axis that is summed over is not treated
alike in both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.graph import Ref
from heredity.transfer.operators.atoms import Use
from heredity.transfer.operators.axes import RESULT
from heredity.transfer.operators.rules.combining.statistics import reduced_axes
from heredity.transfer.operators.tensor_view import tensor_view

if TYPE_CHECKING:
    from heredity.transfer.operators.axes import NodeAxes

_SUM = "aten.sum.dim_IntList"


def tie_factors(axes: NodeAxes) -> None:
    """Treat the axes of both factors like those of the product, but for one that only a sum reads."""
    summed = _summed_axes(axes)
    for axis in range(1, axes.rank(RESULT) + 1):
        if axis in summed and all(_is_wide(axes, operand, axis) for operand in ("input", "other")):
            _mark_factors(axes, axis)
            continue
        axes.tie("input", -axis, RESULT, -axis)
        axes.tie("other", -axis, RESULT, -axis)


def _mark_factors(axes: NodeAxes, axis: int) -> None:
    """Anything new in one factor, and zero in the other: copies would ask for a factor that few can give."""
    one, other = axes.operand("input"), axes.operand("other")
    if one is not other:
        axes.mark("input", -axis, Use.TABLE)
    axes.mark("other", -axis, Use.NORMED)


def _summed_axes(axes: NodeAxes) -> frozenset[int]:
    """The axes, counted from the end, that all readers of the product sum over."""
    rank = axes.rank(RESULT)
    found = frozenset(range(1, rank + 1))
    readers = [axes.graph[name] for name in axes.graph.users[axes.node.name]]
    for reader in readers:
        is_sum = reader.target == _SUM
        dims = reduced_axes(reader.arguments.get("dim"), rank) if is_sum else frozenset()
        found &= {rank - dim for dim in dims}
    return found if readers else frozenset()


def _is_wide(axes: NodeAxes, operand: str, axis: int) -> bool:
    """Whether an activation has an axis of its own there, that is not broadcast."""
    node, ref = axes.operand(operand), axes.node.arguments.get(operand)
    if node is None or not isinstance(ref, Ref) or tensor_view(axes.graph, ref.name) is not None:
        return False
    shape = node.shape or ()
    return axis <= len(shape) and shape[-axis] == (axes.node.shape or ())[-axis] and shape[-axis] > 1
