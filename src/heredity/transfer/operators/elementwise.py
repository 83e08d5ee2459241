"""Rules for operators that treat each entry by itself: ReLU, addition."""

from __future__ import annotations

from heredity.graph import Graph, Ref, origin
from heredity.transfer.operators.axes import NodeAxes
from heredity.transfer.operators.call import Call, InsertedCall
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import AxisRelation, Related, Unproven, Value, Zero

# Operators whose result is nowhere negative if their first operand is nowhere negative.
_KEEP_SIGN = frozenset(
    {
        "aten.max_pool2d.default",
        "aten.avg_pool2d.default",
        "aten.adaptive_avg_pool2d.default",
        "aten.mean.dim",
        "aten.flatten.using_ints",
        "aten.view.default",
        "aten.reshape.default",
    }
)


def _is_nonnegative(graph: Graph, name: str) -> bool:
    """Whether a value is a ReLU's, or was one before operators that keep the sign."""
    node = graph[origin(graph, name)]
    while node.target in _KEEP_SIGN:
        operand = node.arguments["input"]
        if not isinstance(operand, Ref):
            return False
        node = graph[origin(graph, operand.name)]
    return node.target == "aten.relu.default"


def _structure_relu(axes: NodeAxes) -> None:
    axes.tie_all("input")


def _relate_relu(call: Call) -> tuple[AxisRelation, ...]:
    """relu(s x) = s relu(x) for s > 0 only; zero stays zero.

    A factor is the product of the axes' factors, so that each being positive is enough.
    """
    return tuple(axis.where((axis.s > 0) | ~axis.is_used) for axis in call.operand("input"))


def _insert_relu(call: InsertedCall) -> Value:
    """A new ReLU changes nothing behind another one: relu(relu(x)) = relu(x) (Net2Net's deeper net)."""
    value = call.operand("input")
    if isinstance(value, Zero):
        return value
    if (
        isinstance(value, Related)
        and _is_nonnegative(call.parent, value.parent)
        and all((axis.s > 0).all() for axis in value.axes)
    ):
        return value
    raise Unproven("a new ReLU changes what comes in")


def _structure_add(axes: NodeAxes) -> None:
    axes.tie_all("input")
    axes.tie_all("other")


def _relate_add(call: Call) -> tuple[AxisRelation, ...]:
    """Both sides have to relate alike; where they differ, the sum is junk. Nothing is broadcast."""
    call.require_same("alpha")
    sides = ("other", "input") if _is_swapped(call) else ("input", "other")
    ours = call.operand("input", as_partner=sides[0])
    theirs = call.operand("other", as_partner=sides[1])
    if [len(axis) for axis in ours] != [len(axis) for axis in theirs]:
        raise Unproven("an addition that broadcasts has no rule yet unless nothing about it changes")
    if any(a.num_parent != b.num_parent for a, b in zip(ours, theirs, strict=True)):
        raise Unproven("in the parent the addition broadcasts, in the child it does not")
    return tuple(a.agreeing_with(b) for a, b in zip(ours, theirs, strict=True))


def _is_swapped(call: Call) -> bool:
    """Whether the child computes y + x where the parent computes x + y, which is the same."""
    is_swapped = call.reads("input", as_partner="other") and call.reads("other", as_partner="input")
    return is_swapped and call.argument("alpha") == 1 and not call.reads("input", as_partner="input")


def _insert_add(call: InsertedCall) -> Value:
    """A new residual branch that is zero: x + 0 = x."""
    ours, theirs = call.operand("input"), call.operand("other")
    value = theirs if isinstance(ours, Zero) else ours
    if not isinstance(ours, Zero) and not isinstance(theirs, Zero):
        raise Unproven("a new addition of something that is not zero")
    is_scaled = call.node.arguments["alpha"] != 1 and isinstance(ours, Zero)
    is_broadcast = isinstance(value, Related) and [len(axis) for axis in value.axes] != list(
        call.node.shape or ()
    )
    if is_scaled or is_broadcast:
        raise Unproven("a new addition that scales or broadcasts")
    return value


register("aten.relu.default", rule=OperatorRule(_structure_relu, _relate_relu, _insert_relu))
register("aten.add.Tensor", rule=OperatorRule(_structure_add, _relate_add, _insert_add))
