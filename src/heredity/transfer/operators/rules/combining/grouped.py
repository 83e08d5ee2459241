"""Rules for products of rows with one of several matrices each: experts to which a router sorts its rows.

Shapes: T rows sorted by expert, E experts, I entries that are read, O that are made. Input TI, weight EIO,
ends of the experts' ranges E, result TO.
"""

from __future__ import annotations

from heredity.graph import Node, Ref
from heredity.transfer.operators.axes import RESULT, NodeAxes
from heredity.transfer.operators.call import Call
from heredity.transfer.operators.maps import columns, rows, whole
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import AxisRelation, Unproven, with_factor_on
from heredity.transfer.operators.rules.affine import require_all_read


def _weight(node: Node) -> str:
    return "weight" if "weight" in node.arguments else "mat2"


def _structure(axes: NodeAxes) -> None:
    weight = _weight(axes.node)
    axes.tie("input", 0, RESULT, 0)
    axes.tie(weight, 1, "input", 1)
    axes.tie(weight, 2, RESULT, 1)


def _relate(call: Call) -> tuple[AxisRelation, ...]:
    """Each row goes to the same expert as in the parent, which is solved like a linear layer."""
    weight = _weight(call.node)
    ours, theirs = call.shapes(weight)
    if not call.is_tensor(weight) or len(ours) != 3 or call.has("offs") != (True, True):
        raise Unproven(f"{weight} is not one tensor of the state dict for all experts")
    if isinstance(call.node.arguments.get("bias"), Ref):
        raise Unproven("there is a bias for each expert")
    call.require(ours[0] == theirs[0], f"there are {ours[0]} experts, in the parent {theirs[0]}")
    is_same = all(axis.is_identity for axis in call.operand("offs"))
    call.require(is_same, "the rows are sorted to other experts")
    places, read = with_factor_on(call.operand("input"), 1)
    call.require(places.is_identity, "the rows that are sorted differ")
    if call.solved(weight) is not None:
        raise Unproven("a tied tensor of experts")
    require_all_read(call, read)
    out = call.produced(1)
    call.assign(weight, whole(ours[0]), columns(read), rows(out))
    return places, out


register(
    "transformers.grouped_mm_fallback.default",
    rule=OperatorRule(_structure, _relate, zeroed_by=("weight",), keeps_zero=True),
)
register(
    "aten._grouped_mm.default", rule=OperatorRule(_structure, _relate, zeroed_by=("mat2",), keeps_zero=True)
)
