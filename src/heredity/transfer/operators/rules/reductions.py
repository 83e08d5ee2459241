"""Rules for operators that combine the entries of an axis: means, sums, softmax, pooling, interpolation."""

from __future__ import annotations

import math

import numpy as np

from heredity.graph import Argument
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
    total_factor,
)
from heredity.transfer.operators.rules.convolution import require_identity

Axes = tuple[AxisRelation, ...]


def _reduced(value: Argument, rank: int) -> frozenset[int]:
    if isinstance(value, int) and not isinstance(value, bool):
        return frozenset({value % rank})
    if not isinstance(value, tuple) or not value:
        return frozenset(range(rank))
    return frozenset(axis % rank for axis in value if isinstance(axis, int))


def _structure_reduction(axes: NodeAxes) -> None:
    rank = axes.rank("input")
    reduced = _reduced(axes.node.arguments.get("dim"), rank)
    for axis in reduced:
        axes.mark("input", axis, Use.AVERAGED)
    kept = [axis for axis in range(rank) if axis not in reduced]
    for place, axis in enumerate(kept):
        axes.tie("input", axis, RESULT, axis if axes.node.arguments.get("keepdim") else place)


def _relate_mean(call: Call) -> Axes:
    return _reduction(call, is_mean=True)


def _relate_sum(call: Call) -> Axes:
    return _reduction(call, is_mean=False)


def _reduction(call: Call, *, is_mean: bool) -> Axes:
    """Each entry that is combined has to arrive equally often: K times, with the factors counted.

    The sum is then K times the parent's, the mean K n / m times.
    """
    call.require_same("keepdim", "dtype")
    axes = call.operand("input")
    reduced = _reduced(call.argument("dim"), len(axes))
    in_parent = _reduced(call.argument_in_parent("dim"), len(axes))
    call.require(reduced == in_parent, "other axes are combined")
    factor = math.prod(_weight(call, axes[axis], is_mean=is_mean) for axis in reduced)
    kept = [identity(1) if i in reduced else axis for i, axis in enumerate(axes)]
    if not call.argument("keepdim"):
        kept = [axis for i, axis in enumerate(axes) if i not in reduced]
    if factor == 1:
        return tuple(kept)
    call.require(bool(kept), f"the whole is {factor:g} times the parent's")
    return (*kept[:-1], kept[-1].times(factor)) if kept else ()


def _weight(call: Call, axis: AxisRelation, *, is_mean: bool) -> float:
    if axis.is_identity:
        return 1.0
    is_known = not axis.has(JUNK, MEAN) and axis.is_used.any()
    weights = np.bincount(axis.g[axis.is_used], weights=axis.s[axis.is_used], minlength=axis.num_parent)
    is_even = is_known and is_close(weights, weights[0]) and weights[0] != 0
    call.require(bool(is_even), "an axis that is combined holds new entries, or not equally many of each")
    if not is_even:
        return 1.0
    factor = float(weights[0]) * (axis.num_parent / len(axis) if is_mean else 1.0)
    return 1.0 if is_close(factor, 1.0) else factor


def _relate_extreme(call: Call) -> Axes:
    """The largest or smallest entry of axes that are the same, or hold copies of all entries."""
    call.require_same("keepdim", "dim")
    axes = call.operand("input")
    reduced = _reduced(call.argument("dim"), len(axes))
    for i in reduced:
        is_whole = not axes[i].has(JUNK, ZERO, MEAN) and (axes[i].counts > 0).all()
        call.require(bool(is_whole), "an axis that is combined holds new entries, or not all of them")
    call.require(total_factor(axes) == 1, "what is compared is scaled")
    axes = tuple(axis.unscaled().without_means() for axis in axes)
    if call.argument("keepdim"):
        return tuple(identity(1) if i in reduced else axis for i, axis in enumerate(axes))
    return tuple(axis for i, axis in enumerate(axes) if i not in reduced)


def _structure_softmax(axes: NodeAxes) -> None:
    axes.tie_all("input")
    dim = axes.node.arguments.get("dim")
    if isinstance(dim, int) and axes.node.name not in axes.graph.outputs:
        axes.mark("input", dim, Use.GROUPED)


def _relate_softmax(call: Call) -> Axes:
    """The axis that is normalized has to be the same, and nothing scaled; the other axes pass.

    If it holds k copies of each entry, each copy gets a k-th of the entry's share.
    """
    call.require_same("dim")
    axes = call.operand("input")
    dim = call.argument("dim")
    dim = dim % len(axes) if isinstance(dim, int) else 0
    factor = total_factor(axes)
    if not math.isnan(factor):
        call.require_factor("input", 1.0 if is_close(factor, 1.0) else factor, "the scores are")
    axes = tuple(axis.unscaled() for axis in axes) if not math.isnan(factor) else axes
    call.require(not math.isnan(factor), "the scores are scaled one by one")
    shares = _shares(call, axes[dim])
    return tuple(
        shares if i == dim else axis.without_means().with_zero_as_junk() for i, axis in enumerate(axes)
    )


def _shares(call: Call, axis: AxisRelation) -> AxisRelation:
    counts = axis.counts
    is_even = len(counts) > 0 and bool((counts == counts[0]).all()) and not axis.has(JUNK, ZERO, MEAN)
    is_same = axis.is_identity or (is_even and "log" not in call.node.target)
    call.require(is_same, "the axis that softmax normalizes differs")
    return axis.times(1.0 / float(counts[0])) if is_same and not axis.is_identity else axis


def _structure_pool(axes: NodeAxes) -> None:
    channel = -1 - num_places(axes.node.target)
    axes.tie("input", channel, RESULT, channel)
    if axes.rank(RESULT) == 1 - channel:
        axes.tie("input", 0, RESULT, 0)


def num_places(target: str) -> int:
    """How many axes of places an operator works on, by its name; two if it does not say."""
    return next((count for count in (1, 2, 3) if f"{count}d" in target), 2)


def _relate_pool(call: Call) -> Axes:
    """Each channel by itself, so channels pass; places have to be the same.

    An average over all places is one whatever its kernel, which some networks give by their width.
    """
    axes = call.operand("input")
    channel = len(axes) - 1 - num_places(call.node.target)
    if not _averages_all(call, channel):
        call.require_same(*(name for name in call.node.arguments if name != "input"))
    require_identity(call, axes, but=channel)
    passed = axes[channel]
    if "max" in call.node.target:
        passed = passed.without_means().with_positive_scales()  # max(s x) = s max(x) for s > 0 only
    sizes = call.node.shape or ()
    if len(sizes) != len(axes):
        raise Unproven("the result has other axes than what is pooled")
    return tuple(passed if axis == channel else identity(size) for axis, size in enumerate(sizes))


def _averages_all(call: Call, channel: int) -> bool:
    """Whether, in both networks, one average is taken over all places, without padding."""
    if "avg_pool" not in call.node.target or "adaptive" in call.node.target:
        return False
    for node, shape in ((call.node, call.shapes("input")[0]), (call.partner, call.shapes("input")[1])):
        kernel, padding = (_sizes(node.arguments.get(name)) for name in ("kernel_size", "padding"))
        places = shape[channel + 1 :]
        kernel = kernel * len(places) if len(kernel) == 1 else kernel
        covers = len(kernel) == len(places) and all(k >= n for k, n in zip(kernel, places, strict=True))
        is_one = set((node.shape or ())[channel + 1 :]) == {1}
        if not covers or not is_one or any(padding) or node.arguments.get("divisor_override") is not None:
            return False
    return True


def _sizes(value: Argument) -> list[int]:
    parts = value if isinstance(value, tuple) else (value,)
    return [part for part in parts if isinstance(part, int)]


register(
    "aten.mean.dim",
    "aten.mean.default",
    rule=OperatorRule(_structure_reduction, _relate_mean, keeps_zero=True),
)
register(
    "aten.sum.dim_IntList",
    "aten.sum.default",
    rule=OperatorRule(_structure_reduction, _relate_sum, keeps_zero=True),
)
register(
    "aten.amax.default",
    "aten.amin.default",
    "aten.max.default",
    "aten.min.default",
    rule=OperatorRule(_structure_reduction, _relate_extreme, keeps_zero=True),
)
register(
    "aten.softmax.int",
    "aten._softmax.default",
    "aten.log_softmax.int",
    rule=OperatorRule(_structure_softmax, _relate_softmax),
)
for _count in (1, 2, 3):
    register(
        *(f"aten.{name}{_count}d.default" for name in ("max_pool", "avg_pool", "adaptive_avg_pool")),
        rule=OperatorRule(_structure_pool, _relate_pool, keeps_zero=True),
    )
register(
    "aten.upsample_nearest2d.vec",
    "aten.upsample_bilinear2d.vec",
    "aten.upsample_bicubic2d.vec",
    "aten.upsample_nearest2d.default",
    "aten.upsample_bilinear2d.default",
    "aten.upsample_nearest1d.vec",
    "aten.upsample_linear1d.vec",
    "aten.upsample_nearest3d.vec",
    "aten.upsample_trilinear3d.vec",
    rule=OperatorRule(_structure_pool, _relate_pool, keeps_zero=True),
)
