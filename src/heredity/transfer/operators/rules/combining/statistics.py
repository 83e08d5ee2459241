"""Rules for norms, variances and products over axes that are the same, or hold equally many copies."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from heredity.graph import Argument, Node
from heredity.transfer.operators.atoms import Use
from heredity.transfer.operators.axes import RESULT, NodeAxes
from heredity.transfer.operators.call import Call
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import (
    JUNK,
    MEAN,
    ZERO,
    AxisRelation,
    Unproven,
    identity,
    is_close,
)

Axes = tuple[AxisRelation, ...]


def reduced_axes(value: Argument, rank: int) -> frozenset[int]:
    """The axes that an operator combines; all if it does not say which."""
    if isinstance(value, int) and not isinstance(value, bool):
        return frozenset({value % max(rank, 1)})
    if not isinstance(value, tuple) or not value:
        return frozenset(range(rank))
    return frozenset(axis % rank for axis in value if isinstance(axis, int))


def kept_axes(
    axes: Sequence[AxisRelation], reduced: frozenset[int], *, keepdim: Argument
) -> list[AxisRelation]:
    """The result's axes: those that are combined have one entry, or are gone."""
    if keepdim is True:
        return [identity(1) if i in reduced else axis for i, axis in enumerate(axes)]
    return [axis for i, axis in enumerate(axes) if i not in reduced]


def tie_kept(axes: NodeAxes, reduced: frozenset[int]) -> None:
    """Treat the axes that are not combined like those of the result."""
    kept = [axis for axis in range(axes.rank("input")) if axis not in reduced]
    for place, axis in enumerate(kept):
        axes.tie("input", axis, RESULT, axis if axes.node.arguments.get("keepdim") else place)


def _structure(axes: NodeAxes) -> None:
    reduced = reduced_axes(axes.node.arguments.get("dim"), axes.rank("input"))
    is_norm = "norm" in axes.node.target
    for axis in reduced:
        axes.mark("input", axis, Use.NORMED if is_norm else Use.GROUPED)
    tie_kept(axes, reduced)


def _reduced(call: Call, axes: Axes) -> frozenset[int]:
    call.require_same("keepdim", "dtype")
    reduced = reduced_axes(call.argument("dim"), len(axes))
    call.require(
        reduced == reduced_axes(call.argument_in_parent("dim"), len(axes)), "other axes are combined"
    )
    return reduced


def _relate_norm(call: Call) -> Axes:
    """(sum |x|^p)^(1/p): where each entry arrives with one sum K of |s|^p, K^(1/p) times the parent's."""
    call.require_same("ord")
    order = call.argument("ord")
    if not isinstance(order, int | float) or not order > 0:
        raise Unproven(f"a norm of order {order}")
    axes = call.operand("input")
    reduced = _reduced(call, axes)
    if "vector" not in call.node.target and len(reduced) != 1:
        raise Unproven("a norm of matrices")
    factor = math.prod(_norm_factor(call, axes[axis], float(order)) for axis in reduced)
    kept = kept_axes(axes, reduced, keepdim=call.argument("keepdim"))
    return _with_factor(call, [_absolute(axis) for axis in kept], factor)


def _absolute(axis: AxisRelation) -> AxisRelation:
    axis = axis.without_means()
    return AxisRelation(axis.g, np.abs(axis.s), axis.num_parent)


def _norm_factor(call: Call, axis: AxisRelation, order: float) -> float:
    used = axis.is_used
    is_known = not axis.has(JUNK, MEAN) and bool((axis.counts > 0).all())
    sizes = np.abs(axis.s[used])
    if is_known and math.isinf(order):
        largest = np.zeros(axis.num_parent)
        np.maximum.at(largest, axis.g[used], sizes)
        factors = largest
    else:
        with np.errstate(over="ignore", under="ignore"):
            powers = sizes**order
        sums = np.bincount(axis.g[used], weights=powers, minlength=axis.num_parent).astype(float)
        factors = sums ** (1 / order)
    is_even = is_known and is_close(factors, float(factors[0]))
    call.require(is_even, "an axis that a norm is taken over holds new entries, or not equally many of each")
    return float(factors[0]) if is_even else 1.0


def _with_factor(call: Call, axes: list[AxisRelation], factor: float) -> Axes:
    if not math.isfinite(factor) or not factor:
        raise Unproven("the factor is too large or too small for a number")
    if is_close(factor, 1.0):
        return tuple(axes)
    call.require(bool(axes), f"the whole is {factor:g} times the parent's")
    return (*axes[:-1], axes[-1].times(factor)) if axes else ()


def _correction(node: Node) -> float:
    """What is taken off the number of entries: one, unless the operator says otherwise."""
    if "unbiased" in node.arguments:
        return 1.0 if node.arguments["unbiased"] is True else 0.0
    value = node.arguments.get("correction")
    return float(value) if isinstance(value, int | float) else 1.0


def _relate_variance(call: Call) -> Axes:
    return _variance(call, call.operand("input"), power=2)


def _relate_deviation(call: Call) -> Axes:
    return _variance(call, call.operand("input"), power=1)


def _relate_variance_and_mean(call: Call) -> list[Axes]:
    axes = call.operand("input")
    spread = _variance(call, axes, power=1 if "std" in call.node.target else 2)
    reduced = _reduced(call, axes)
    factor = math.prod(axes[axis].factor for axis in reduced)
    mean = _with_factor(call, kept_axes(axes, reduced, keepdim=call.argument("keepdim")), factor)
    return [spread, mean]


def _variance(call: Call, axes: Axes, *, power: int) -> Axes:
    """Over k copies of each of n entries, all times s: s^2 k (n - c) / (k n - c) times the parent's."""
    reduced = _reduced(call, axes)
    for axis in reduced:
        _require_even(call, axes[axis])
    ours, theirs = (
        math.prod(size(axes[axis]) for axis in reduced) for size in (len, lambda each: each.num_parent)
    )
    corrections = _correction(call.node), _correction(call.partner)
    if call.taint or ours <= corrections[0] or theirs <= corrections[1]:
        raise Unproven("a variance of too few entries, or of others")
    scale = math.prod(axes[axis].factor for axis in reduced)
    factor = scale * scale * (ours / theirs) * (theirs - corrections[1]) / (ours - corrections[0])
    kept = kept_axes([_absolute(axis) for axis in axes], reduced, keepdim=call.argument("keepdim"))
    if power == 2:
        with np.errstate(over="ignore", under="ignore"):
            kept = [AxisRelation(axis.g, axis.s**2, axis.num_parent) for axis in kept]
        if not all(np.isfinite(axis.s).all() and axis.s.all() for axis in kept):
            raise Unproven("a factor is too large or too small for a number")
    return _with_factor(call, kept, factor if power == 2 else math.sqrt(factor))


def _require_even(call: Call, axis: AxisRelation) -> None:
    counts = axis.counts
    is_even = bool(len(counts)) and bool((counts == counts[0]).all()) and counts[0] > 0
    is_known = is_even and not axis.has(JUNK, ZERO, MEAN) and not math.isnan(axis.factor)
    call.require(is_known, "an axis whose spread is taken holds new entries, or not equally many of each")


register(
    "aten.linalg_vector_norm.default",
    "aten.linalg_norm.default",
    rule=OperatorRule(_structure, _relate_norm, keeps_zero=True),
)
for _kind in ("dim", "correction", "default"):
    for _name, _relate in (
        ("var", _relate_variance),
        ("std", _relate_deviation),
        ("var_mean", _relate_variance_and_mean),
        ("std_mean", _relate_variance_and_mean),
    ):
        register(f"aten.{_name}.{_kind}", rule=OperatorRule(_structure, _relate))
