"""Rules for comparisons, logical operators, and for choosing by a mask: where, masked_fill, lerp."""

from __future__ import annotations

import math

from heredity.graph import Ref
from heredity.transfer.operators.axes import NodeAxes
from heredity.transfer.operators.call import Call
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import JUNK, ZERO, AxisRelation, Unproven, is_close, total_factor
from heredity.transfer.operators.rules.entrywise.agreement import (
    agreed,
    aligned,
    chosen_by,
    plain,
    same_entries,
)

Axes = tuple[AxisRelation, ...]

_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
_LOGICAL = ("logical_and.default", "logical_or.default", "logical_xor.default", "atan2.default")
_BITWISE = ("bitwise_and", "bitwise_or", "bitwise_xor", "__and__", "__or__", "__xor__")
_DIVISIONS = ("floor_divide.default", "remainder.Tensor", "fmod.Tensor")


def _structure(axes: NodeAxes) -> None:
    for name, value in axes.node.arguments.items():
        if isinstance(value, Ref):
            axes.tie_all(name)


def _shape(call: Call) -> tuple[int, ...]:
    return call.node.shape or ()


def _relate_same_entries(call: Call) -> Axes:
    """A function of several numbers: all have to be the parent's of the same place."""
    names = [name for name, value in call.node.arguments.items() if isinstance(value, Ref)]
    call.require_same(*(name for name in call.node.arguments if name not in names))
    return same_entries([call.operand(name) for name in names], _shape(call))


def _relate_division(call: Call) -> Axes:
    """What is not known may be zero, and a division by it may be no number at all."""
    divides_by_number = not isinstance(call.node.arguments.get("other"), Ref)
    if not divides_by_number and any(axis.has(JUNK, ZERO) for axis in call.operand("other")):
        raise Unproven("a division by what may be zero")
    return _relate_same_entries(call)


def _relate_comparison(call: Call) -> Axes:
    """With zero, a positive factor changes nothing; with any other number, entries have to be as they are."""
    call.require_same("other")
    axes = call.operand("input")
    if call.argument("other") == 0:
        axes = tuple(axis.with_positive_scales().unscaled() for axis in axes)
    return plain(axes)


def _relate_where(call: Call) -> Axes:
    """One of two values, chosen by the same condition: both are the same entry, times the same factor."""
    tensors = [name for name in ("input", "other") if isinstance(call.node.arguments.get(name), Ref)]
    if len(tensors) == 1:
        number = "other" if tensors[0] == "input" else "input"
        return _relate_filled(call, tensors[0], "condition", number)
    if not tensors:
        call.require_same("input", "other")
        return plain(call.operand("condition"))
    shape = _shape(call)
    values = [aligned(call.operand(name), len(shape)) for name in tensors]
    values = [_with_factor_last(axes) for axes in values]
    _demand_equal_factors(call, values[0], values[1])
    both = [agreed(a, b, size) for a, b, size in zip(*values, shape, strict=True)]
    return _by_condition(call, "condition", both)


def _with_factor_last(axes: Axes) -> Axes:
    """One factor of all entries goes to the last axis, so that two equal ones are seen to be equal."""
    factor = total_factor(axes)
    if not axes or math.isnan(factor):
        return axes
    unscaled = [axis.unscaled() for axis in axes]
    return (*unscaled[:-1], unscaled[-1].times(factor))


def _demand_equal_factors(call: Call, ours: Axes, other: Axes) -> None:
    factors = total_factor(ours), total_factor(other)
    if not any(map(math.isnan, factors)) and not is_close(*factors):
        call.require_factor("input", factors[0] / factors[1], "one of two values is")


def _relate_masked_fill(call: Call) -> Axes:
    if isinstance(call.node.arguments.get("value"), Ref):
        shape = _shape(call)
        value, filled = (_with_factor_last(call.operand(name)) for name in ("input", "value"))
        both = [
            agreed(a, b, size)
            for a, b, size in zip(aligned(value, len(shape)), aligned(filled, len(shape)), shape, strict=True)
        ]
        return _by_condition(call, "mask", both)
    return _relate_filled(call, "input", "mask", "value")


def _relate_filled(call: Call, name: str, mask: str, number: str) -> Axes:
    """Some entries become a number, which takes no factor unless it is zero."""
    call.require_same(number)
    value = call.argument(number)
    if not isinstance(value, int | float):
        raise Unproven(f"{number} is {value}")
    axes = tuple(axis.without_means() for axis in call.operand(name))
    if value != 0:
        axes = _unscaled(call, name, axes)
    if not math.isfinite(value):  # then junk is finite only where the parent's entries are
        is_known = not any(axis.has(JUNK) for axis in call.operand(mask))
        call.require(is_known, f"it is filled with {value} where nobody knows")
    return _by_condition(call, mask, aligned(axes, len(_shape(call))))


def _unscaled(call: Call, name: str, axes: Axes) -> Axes:
    factor = total_factor(axes)
    if not math.isnan(factor):
        call.require_factor(name, 1.0 if is_close(factor, 1.0) else factor, "what is filled up is")
    return plain(axes)


def _by_condition(call: Call, name: str, values: tuple[AxisRelation, ...] | list[AxisRelation]) -> Axes:
    shape = _shape(call)
    condition = aligned(plain(call.operand(name)), len(shape))
    return tuple(chosen_by(c, v, size) for c, v, size in zip(condition, values, shape, strict=True))


def _relate_lerp(call: Call) -> Axes:
    """A + w (b - a): as where, with a weight in the condition's place."""
    shape = _shape(call)
    values = [_with_factor_last(aligned(call.operand(name), len(shape))) for name in ("input", "end")]
    both = tuple(agreed(a, b, size) for a, b, size in zip(*values, shape, strict=True))
    if not isinstance(call.node.arguments.get("weight"), Ref):
        call.require_same("weight")
        return both
    return _by_condition(call, "weight", both)


register(*(f"aten.{name}.Scalar" for name in _COMPARISONS), rule=OperatorRule(_structure, _relate_comparison))
register(
    *(f"aten.{name}.Tensor" for name in (*_COMPARISONS, *_BITWISE)),
    *(f"aten.{name}" for name in _LOGICAL),
    rule=OperatorRule(_structure, _relate_same_entries),
)
register(*(f"aten.{name}" for name in _DIVISIONS), rule=OperatorRule(_structure, _relate_division))
register(
    *(f"aten.where.{name}" for name in ("self", "ScalarOther", "ScalarSelf", "Scalar")),
    rule=OperatorRule(_structure, _relate_where),
)
register(
    "aten.masked_fill.Scalar",
    "aten.masked_fill.Tensor",
    rule=OperatorRule(_structure, _relate_masked_fill),
)
register("aten.lerp.Scalar", "aten.lerp.Tensor", rule=OperatorRule(_structure, _relate_lerp))
