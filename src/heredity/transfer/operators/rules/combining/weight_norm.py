"""The rule for weights that are a direction times a length; whoever reads such a weight solves both."""

from __future__ import annotations

from heredity.transfer.operators.atoms import Use
from heredity.transfer.operators.axes import RESULT, NodeAxes
from heredity.transfer.operators.call import Call
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import AxisRelation, Unproven


def _structure(axes: NodeAxes) -> None:
    for axis in range(axes.rank(RESULT)):
        axes.tie("v", axis, RESULT, axis)
        axes.tie("g", axis, RESULT, axis)
    ours, theirs = axes.shapes(axes.node)
    dim = axes.node.arguments.get("dim")
    for axis, (m, n) in enumerate(zip(ours, theirs or (), strict=False)):
        if axis != dim and m % max(n, 1):
            axes.mark(RESULT, axis, Use.TABLE)  # copies would have to be equally many


def _relate(_: Call) -> tuple[AxisRelation, ...]:
    """What is a view of tensors does not come here (`tensor_view`)."""
    raise Unproven("a weight is normed that is computed")


register("aten._weight_norm.default", rule=OperatorRule(_structure, _relate))
