"""Rules for sums and products of two tensors, or of a tensor and a number, with broadcasting."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from heredity.graph import Node, Ref
from heredity.transfer.operators.axes import NodeAxes
from heredity.transfer.operators.call import Call, InsertedCall
from heredity.transfer.operators.maps import rows
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import (
    JUNK,
    MEAN,
    ZERO,
    AxisRelation,
    Junk,
    Related,
    Unproven,
    Value,
    Zero,
    identity,
    is_close,
    snapped,
    total_factor,
)
from heredity.transfer.operators.rules.combining.summed import tie_factors
from heredity.transfer.operators.rules.entrywise.numbers import number_in
from heredity.transfer.operators.rules.entrywise.signs import is_positive
from heredity.transfer.plans.plan import FRESH_ENTRY, MEAN_ENTRY, ZERO_ENTRY

if TYPE_CHECKING:
    from collections.abc import Sequence

Axes = tuple[AxisRelation, ...]
_ONE = identity(1)


def _structure(axes: NodeAxes) -> None:
    axes.tie_all("input")
    axes.tie_all("other")


def _aligned(axes: Sequence[AxisRelation], rank: int) -> list[AxisRelation]:
    """The axes with axes of one entry put before them, as broadcasting does."""
    return [_ONE] * (rank - len(axes)) + list(axes)


def _is_swapped(call: Call) -> bool:
    is_swapped = call.reads("input", as_partner="other") and call.reads("other", as_partner="input")
    return is_swapped and not call.reads("input", as_partner="input")


def _sides(call: Call, *, commutes: bool) -> tuple[Axes, Axes]:
    """Both operands; a tensor of the state dict is solved so that it fits what the other one is."""
    swapped = commutes and _is_swapped(call)
    names = ("other", "input") if swapped else ("input", "other")
    for ours, theirs in (("input", "other"), ("other", "input")):
        if not swapped and call.is_tensor(ours) and not call.is_tensor(theirs):
            other = call.operand(theirs)
            own = _own_axes(call, ours, other)
            return (own, other) if ours == "input" else (other, own)
    return call.operand("input", as_partner=names[0]), call.operand("other", as_partner=names[1])


def _own_axes(call: Call, name: str, other: Axes) -> Axes:
    """How a tensor of the state dict is to relate, so that each of its entries meets its own."""
    if call.solved(name) is not None:
        raise Unproven(f"{name} is tied to a tensor that is solved already")
    ours, theirs = call.shapes(name)
    is_product = not _is_sum(call)
    proposed = call.proposal(*_names(call, name))
    found = []
    for place in range(-len(ours), 0):
        met = other[place] if -place <= len(other) else _ONE
        fits = (len(met), met.num_parent) == (ours[place], theirs[place])
        axis = met if fits else proposed[place]  # the mean of a sum is the sum of the means
        found.append(axis.without_means().unscaled() if is_product else axis)
    # A factor of what is zero anyway is free; a new one that is zero would never learn.
    call.assign(name, *(rows(axis, zero=FRESH_ENTRY if is_product else ZERO_ENTRY) for axis in found))
    return tuple(axis.with_zero_as_junk() if is_product else axis for axis in found)


def _is_sum(call: Call) -> bool:
    return "mul" not in call.node.target and "div" not in call.node.target


def _names(call: Call, name: str) -> tuple[str, str]:
    ours, theirs = call.node.arguments[name], call.partner.arguments[name]
    if not isinstance(ours, Ref) or not isinstance(theirs, Ref):
        raise Unproven(f"{name} is no tensor")
    return ours.name, theirs.name


def _is_broadcast(axis: AxisRelation, size: int) -> bool:
    return len(axis) == 1 and axis.num_parent == 1 and size != 1


def _relate_sum(call: Call) -> Axes:
    """Both sides have to relate alike, scales and all; where they differ, the sum is junk."""
    call.require_same(*(name for name in ("alpha",) if name in call.node.arguments))
    if not call.has("other")[0] and not call.has("other")[1]:
        return _relate_sum_with_number(call)
    alpha = call.argument("alpha") if "alpha" in call.node.arguments else 1
    return _sum(*_sides(call, commutes=alpha == 1 and "sub" not in call.node.target), call)


def _sum(ours: Axes, theirs: Axes, call: Call) -> Axes:
    rank = len(call.node.shape or ())
    a, b = _aligned(ours, rank), _aligned(theirs, rank)
    factors = total_factor(a), total_factor(b)
    if rank and not math.isnan(factors[0]) and not math.isnan(factors[1]):
        _require_same_factor(call, *factors)
        a, b = _with_factor_last(a), _with_factor_last(b)
        if call.taint:  # of what is assumed only, the entries matter, not how one side is scaled
            b = _with_factor_last([*b[:-1], b[-1].times(factors[0] / factors[1])])
    found = [_sum_axis(a[i], b[i], size) for i, size in enumerate(call.node.shape or ())]
    if call.node.target in {"aten.maximum.default", "aten.minimum.default"}:
        found = [axis.without_means().with_positive_scales() for axis in found]
    return tuple(found)


def _require_same_factor(call: Call, ours: float, theirs: float) -> None:
    """Two sides of a sum have to be scaled alike: the one that is scaled should not be."""
    ratio = ours / theirs
    if not is_close(ratio, 1.0):
        name, factor = ("other", 1 / ratio) if ours == 1 else ("input", ratio)
        call.require_factor(name, factor, "one side of the sum, beside the other, is")


def _with_factor_last(axes: Sequence[AxisRelation]) -> list[AxisRelation]:
    """The factor of all goes to the last axis, so that two tensors with equal ones can be compared."""
    plain = [axis.unscaled() for axis in axes]
    return [*plain[:-1], plain[-1].times(total_factor(axes))]


def _sum_axis(a: AxisRelation, b: AxisRelation, size: int) -> AxisRelation:
    """Where one side is broadcast, it is added to every entry of the other, zeros among them."""
    for one, wide in ((a, b), (b, a)):
        if _is_broadcast(one, size):
            is_kept = (wide.g != ZERO) & (one.g[0] == 0)
            return wide.where(is_kept & np.isclose(wide.s, one.s[0], rtol=1e-12, atol=0))
    if (len(a), a.num_parent) != (len(b), b.num_parent):
        raise Unproven(
            f"entries {len(a)} and {len(b)} are added, in the parent {a.num_parent}, {b.num_parent}"
        )
    return a.agreeing_with(b)


def _relate_sum_with_number(call: Call) -> Axes:
    call.require_same("other")
    axes = call.operand("input")
    if call.argument("other") == 0:
        return axes
    if total_factor(axes) == 1 and axes:
        axes = tuple(axis.unscaled() for axis in axes)
    call.wish_unscaled("input", axes)
    return tuple(axis.with_zero_as_junk().with_unit_scales() for axis in axes)


def _relate_product(call: Call) -> Axes:
    """Factors multiply; zero times anything is zero; else both have to be the same entry."""
    numbers = (
        number_in(call.known.child, call.node, "other"),
        number_in(call.known.parent, call.partner, "other"),
    )
    if numbers[0] is not None and numbers[1] is not None:
        return _relate_product_with_number(call, numbers[0], numbers[1])
    is_division = "div" in call.node.target
    call.require(call.argument("rounding_mode") is None, "a division that rounds")
    ours, theirs = _sides(call, commutes=not is_division)
    if is_division:
        theirs = _divisor(call, theirs)
    rank = len(call.node.shape or ())
    a, b = _aligned(ours, rank), _aligned(theirs, rank)
    if is_division:
        b = [AxisRelation(axis.g, 1 / axis.s, axis.num_parent) for axis in b]
    found = tuple(_product_axis(a[i], b[i], size) for i, size in enumerate(call.node.shape or ()))
    if sum(_is_hidden(x, y) for x, y in zip(a, b, strict=True)) > 1:
        # Junk that zero hides along one axis may meet, along another, a zero that is hidden by junk.
        found = tuple(axis.with_zero_as_junk() for axis in found)
    factor = call.known.maps.factor_of(call.node.name)
    if factor == 1 or is_division or not call.assignments or not found:
        return found
    return _scaled_by_tensor(call, found, factor)


def _divisor(call: Call, axes: Axes) -> Axes:
    """What is divided by: no mean, and nothing new or zero unless it is above zero whatever comes in."""
    ref = call.node.arguments.get("other")
    is_above_zero = isinstance(ref, Ref) and is_positive(call.known.child, ref.name)
    if any(axis.has(ZERO, MEAN) or (axis.has(JUNK) and not is_above_zero) for axis in axes):
        raise Unproven("a division by what may be zero")
    return axes


def _scaled_by_tensor(call: Call, axes: Axes, factor: float) -> Axes:
    """A factor that is demanded goes to the tensor that is multiplied with."""
    last = call.assignments[-1]
    if not last.axes:
        raise Unproven("a single number takes no factor")
    own = last.axes[-1]
    scales = np.ones(len(own.sources)) if own.scales is None else np.asarray(own.scales)
    sources = np.asarray(own.sources)
    scaled = np.where((sources >= 0) | (sources == MEAN_ENTRY), scales * factor, 1.0)
    new = replace(own, scales=tuple(scaled.tolist()))
    call.assignments[-1] = replace(last, axes=(*last.axes[:-1], new))
    return (*axes[:-1], axes[-1].times(factor))


def _is_hidden(a: AxisRelation, b: AxisRelation) -> bool:
    """Whether zero meets junk along an axis, in either order."""
    return (a.has(ZERO) and b.has(JUNK)) or (a.has(JUNK) and b.has(ZERO))


def _product_axis(a: AxisRelation, b: AxisRelation, size: int) -> AxisRelation:
    for one, wide in ((a, b), (b, a)):
        if _is_broadcast(one, size):
            if one.g[0] != 0:  # zero times anything that is finite is zero
                kind = ZERO if one.g[0] == ZERO else JUNK
                return wide.where(wide.g == ZERO, otherwise=kind)
            return wide.times(float(one.s[0]))
    if (len(a), a.num_parent) != (len(b), b.num_parent):
        raise Unproven(f"entries {len(a)} and {len(b)} meet, in the parent {a.num_parent} and {b.num_parent}")
    a, b = a.without_means(), b.without_means()
    is_zero = (a.g == ZERO) | (b.g == ZERO)
    g = np.where(is_zero, ZERO, np.where((a.g == b.g) & (a.g >= 0), a.g, JUNK))
    return AxisRelation(g, np.where(g >= 0, snapped(a.s * b.s), 1.0), a.num_parent)


def _relate_product_with_number(call: Call, ours: float, theirs: float) -> Axes:
    """Two numbers that differ, as the scale of attention does, are a factor."""
    axes = list(call.operand("input"))
    if ours == theirs:
        return tuple(axes)
    if not ours or not theirs or not axes or call.argument("rounding_mode") is not None:
        raise Unproven(f"other is {ours}, in the parent {theirs}")
    factor = theirs / ours if "div" in call.node.target else ours / theirs
    axes[-1] = axes[-1].times(factor)
    return tuple(axes)


def _insert_add(call: InsertedCall) -> Value:
    """A new residual branch that is zero: x + 0 = x."""
    if not isinstance(call.node.arguments.get("other"), Ref):
        raise Unproven("a new addition of a number")
    ours, theirs = call.operand("input"), call.operand("other")
    value = theirs if isinstance(ours, Zero) else ours
    if not isinstance(ours, Zero) and not isinstance(theirs, Zero):
        for name, value, other in (("input", ours, theirs), ("other", theirs, ours)):
            if not _is_kept(value) and _is_kept(other):
                call.demand_zero(name)
        raise Unproven("a new addition of something that is not zero")
    is_scaled = call.node.arguments.get("alpha", 1) != 1 and isinstance(ours, Zero)
    if is_scaled or call.shape("other" if value is theirs else "input") != call.node.shape:
        raise Unproven("a new addition that scales or broadcasts")
    return value


def _is_kept(value: Value) -> bool:
    """Whether a value is the parent's, in this shape or in another one."""
    kept = value.regrouped if isinstance(value, Junk) else value
    return isinstance(kept, Related) and not kept.taint


def _divides_by_number(node: Node) -> bool:
    """Whether a division is by a number, so that zero stays zero; a tensor might be zero too."""
    other = node.arguments.get("other")
    return isinstance(other, int | float) and other != 0


def _insert_product(call: InsertedCall) -> Value:
    """Zero times anything that is finite is zero."""
    for name in ("input", "other"):
        ref = call.node.arguments.get(name)
        is_factor = "mul" in call.node.target or (name == "input" and _divides_by_number(call.node))
        if is_factor and isinstance(ref, Ref) and isinstance(call.known.values[ref.name], Zero):
            return Zero()
    raise Unproven(f"a new {call.node.target} changes what comes in")


_SUM = OperatorRule(_structure, _relate_sum, _insert_add)
_PRODUCT = OperatorRule(
    tie_factors, _relate_product, _insert_product, zeroed_by=("other", "input"), is_zeroed_by_any=True
)
register("aten.add.Tensor", "aten.add.Scalar", rule=_SUM)
register(
    "aten.sub.Tensor",
    "aten.subtract.Tensor",
    "aten.maximum.default",
    "aten.minimum.default",
    rule=OperatorRule(_structure, _relate_sum),
)
register("aten.mul.Tensor", "aten.mul.Scalar", rule=_PRODUCT)
register(
    "aten.div.Tensor",
    "aten.div.Scalar",
    "aten.true_divide.Tensor",
    rule=OperatorRule(_structure, _relate_product, _insert_product),
)
