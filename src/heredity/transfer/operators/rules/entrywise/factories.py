"""Rules for operators that make tensors out of nothing: zeros, ones, full, arange.

Where all entries are equal, each of them is any entry of the parent's: every proposal is true.
"""

from __future__ import annotations

import math

import numpy as np

from heredity.transfer.operators.axes import NodeAxes
from heredity.transfer.operators.call import Call
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import JUNK, ZERO, AxisRelation, Unproven, gather

Axes = tuple[AxisRelation, ...]

_ZEROS = ("zeros.default", "zeros_like.default", "new_zeros.default", "zero.default")
_ONES = ("ones.default", "ones_like.default", "new_ones.default")
_FULL = ("full.default", "full_like.default", "new_full.default", "fill.Scalar", "scalar_tensor.default")


def _structure(axes: NodeAxes) -> None:
    """Nothing ties a constant's axes but those who read it."""


def _relate_zeros(call: Call) -> Axes:
    """Zero is any multiple of any zero; what is not proposed to be one of the parent's is just zero."""
    call.require_same("dtype")
    return tuple(axis.where(axis.g != JUNK, otherwise=ZERO) for axis in call.proposal())


def _relate_ones(call: Call) -> Axes:
    call.require_same("dtype")
    return _equal_entries(call)


def _relate_full(call: Call) -> Axes:
    name = next((name for name in ("fill_value", "value", "s") if name in call.node.arguments), "fill_value")
    value, theirs = call.argument(name), call.argument_in_parent(name)
    if not isinstance(value, int | float) or value != theirs:
        raise Unproven(f"{name} is {value}, in the parent {theirs}")
    return _relate_zeros(call) if value == 0 else _relate_ones(call)


def _equal_entries(call: Call) -> Axes:
    """Each entry is any of the parent's, as it is; the first one where none is proposed."""
    return tuple(
        AxisRelation(
            np.where((axis.g == JUNK) | (axis.g == ZERO), 0, axis.g), np.ones(len(axis)), axis.num_parent
        )
        if axis.num_parent
        else axis
        for axis in call.proposal()
    )


def _relate_range(call: Call) -> Axes:
    """Start, step and type are equal, so that the first entries are; what is further is not the parent's."""
    for name, default in (("start", 0), ("step", 1), ("dtype", None)):
        ours, theirs = (node.arguments.get(name, default) for node in (call.node, call.partner))
        call.require(ours == theirs, f"{name} is {ours}, in the parent {theirs}")
    num_child, num_parent = (math.prod(node.shape or ()) for node in (call.node, call.partner))
    _require_whole(call)
    kept = list(range(min(num_child, num_parent)))
    return (gather(kept + [JUNK] * (num_child - len(kept)), num_parent=num_parent),)


def _require_whole(call: Call) -> None:
    """Without a type, the numbers say whether the range is one of integers: 3 is another end than 3.0."""
    kinds = [
        {type(value) for name in ("start", "end", "step") if (value := node.arguments.get(name)) is not None}
        for node in (call.node, call.partner)
    ]
    call.require(
        kinds[0] == kinds[1] or call.argument("dtype") is not None,
        "the range is one of another type",
    )


register(*(f"aten.{name}" for name in _ZEROS), rule=OperatorRule(_structure, _relate_zeros))
register(*(f"aten.{name}" for name in _ONES), rule=OperatorRule(_structure, _relate_ones))
register(*(f"aten.{name}" for name in _FULL), rule=OperatorRule(_structure, _relate_full))
register(
    *(f"aten.arange.{name}" for name in ("default", "start", "start_step")),
    rule=OperatorRule(_structure, _relate_range),
)
