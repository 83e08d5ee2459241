"""Rules for normalizations: batch, layer, group, instance, root mean square."""

from __future__ import annotations

import math

from heredity.transfer.operators.atoms import Atom, Use
from heredity.transfer.operators.axes import RESULT, NodeAxes
from heredity.transfer.operators.call import Call, InsertedCall
from heredity.transfer.operators.maps import rows
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import (
    JUNK,
    MEAN,
    ZERO,
    AxisRelation,
    Related,
    Unproven,
    Value,
    factored,
    is_close,
    total_factor,
    with_factor_on,
)
from heredity.transfer.operators.rules.convolution import require_identity
from heredity.transfer.plans.plan import FRESH_ENTRY, ZERO_ENTRY

_CHANNEL_TENSORS = ("weight", "bias", "running_mean", "running_var")


def _structure_channels(axes: NodeAxes) -> None:
    axes.tie_all("input")
    for name in _CHANNEL_TENSORS:
        axes.tie(name, 0, RESULT, 1)


def _relate_channels(call: Call) -> tuple[AxisRelation, ...]:
    """Input BC...: each channel by itself, by its running statistics, or by the batch's or its places'.

    A new channel's junk is normalized by the child's own fresh statistics. The other axes have to be the
    same, for the sake of the statistics.
    """
    call.require_same("eps", "training", "use_input_stats")
    axes = call.operand("input")
    require_identity(call, axes, but=1)
    channels = axes[1].without_means().with_unit_scales()
    _assign_channels(call, channels)
    return (axes[0], channels, *axes[2:])


def _assign_channels(call: Call, channels: AxisRelation) -> None:
    # Where the input is zero, the result has to be zero: no mean, no shift. Factor and variance are free
    # there.
    for name in _CHANNEL_TENSORS:
        ours, theirs = call.has(name)
        if ours != theirs:
            raise Unproven(f"{name} is there in one of the two networks only")
        if ours and name in {"weight", "running_var"}:
            call.assign(name, rows(channels, zero=FRESH_ENTRY))
        elif ours:
            call.assign(name, rows(channels))


def _insert_batch_norm(call: InsertedCall) -> Value:
    """A new batch normalization whose statistics say that nothing is to be done: in eval mode only."""
    value = call.operand("input")
    if not call.is_identity or not isinstance(value, Related) or value.taint:
        raise Unproven("a new normalization changes what comes in")
    eps = call.node.arguments["eps"]
    if call.node.arguments["training"] is not False:
        raise Unproven("a new normalization by the batch's own statistics")
    if not isinstance(eps, float) or not call.shape("weight") or not call.shape("running_var"):
        raise Unproven("a new normalization without statistics or factors")
    call.assign_constant("weight", math.sqrt(1 + eps))
    call.assign_constant("bias", 0.0)
    call.assign_constant("running_mean", 0.0)
    call.assign_constant("running_var", 1.0)
    call.training_taint = f"a new batch normalization, which train mode follows (at {call.node.name})"
    return value


def _insert_norm(call: InsertedCall) -> Value:
    """Nothing that a norm may be set to undoes it for all that comes in."""
    raise Unproven(f"a new {call.node.target} changes what comes in")


def _structure_last(axes: NodeAxes) -> None:
    axes.tie_all("input")
    shape = axes.node.arguments["normalized_shape"]
    count = len(shape) if isinstance(shape, tuple) else 1
    use = Use.AVERAGED if "rms" in axes.node.target else Use.STANDARDIZED
    for axis in range(1, count + 1):
        axes.mark(RESULT, -axis, use)
        axes.tie("weight", -axis, RESULT, -axis)
        axes.tie("bias", -axis, RESULT, -axis)


def _num_normalized(call: Call) -> int:
    shapes = call.argument("normalized_shape"), call.argument_in_parent("normalized_shape")
    if (
        not isinstance(shapes[0], tuple)
        or not isinstance(shapes[1], tuple)
        or len(shapes[0]) != len(shapes[1])
    ):
        raise Unproven(f"normalized_shape is {shapes[0]}, in the parent {shapes[1]}")
    return len(shapes[0])


def _relate_layer_norm(call: Call) -> tuple[AxisRelation, ...]:
    """Mean and variance over the last axes, which have to hold equally many copies of each entry.

    With a factor c, k copies of each of n entries, and means in the rest of m places, the variance is
    c^2 k n / m times the parent's; where that is 1, epsilon stays as it is (LEMON, arXiv:2310.07999).
    """
    call.require_same("eps")
    count = _num_normalized(call)
    axes = with_factor_on(call.operand("input"), -1)
    others, normalized = axes[:-count], axes[-count:]
    call.require(all(axis.factor == 1 for axis in others), "what is normalized is scaled place by place")
    has_means = any(axis.has(MEAN) for axis in normalized)
    is_single = sum(len(axis) != 1 or axis.num_parent != 1 for axis in normalized) == 1
    call.require(is_single or not has_means, "means along one of several axes are not the mean of all")
    ratio = math.prod(_variance_ratio(call, axis) for axis in normalized)
    factor = _known(total_factor(normalized))
    spread = abs(factor) * math.sqrt(ratio)
    call.require_factor("input", 1.0 if is_close(spread, 1.0) else spread, "the standard deviation is")
    shared = 1.0 / factor
    out = [axis.where(axis.g != MEAN, otherwise=ZERO).unscaled() for axis in normalized]
    demanded = call.known.maps.factor_of(call.node.name)
    _assign_affine(call, out, factor=shared * demanded, shift=demanded)
    if call.has("bias")[0]:
        others = [axis.with_zero_as_junk() for axis in others]
    out[-1] = out[-1].times(demanded)
    return (*(axis.without_means() for axis in others), *out)


def _known(factor: float) -> float:
    """The factor, if there is one: without it the call is tainted, and weights have to stay numbers."""
    return 1.0 if math.isnan(factor) else factor


def _variance_ratio(call: Call, axis: AxisRelation) -> float:
    """K n / m for an axis; what is not known, or not the same for all entries, taints the call."""
    counts = axis.counts
    is_even = len(counts) > 0 and bool((counts == counts[0]).all()) and counts[0] > 0
    is_known = is_even and not axis.has(JUNK, ZERO) and not math.isnan(axis.factor)
    if axis.has(MEAN) and is_known:
        is_known = is_close(axis.s, axis.factor)
    call.require(is_known, "what is normalized holds new entries, or not equally many copies of each")
    return counts[0] * len(counts) / len(axis) if is_known else 1.0


def _assign_affine(call: Call, out: list[AxisRelation], *, factor: float, shift: float) -> None:
    """Solve factor and shift of a normalization over axes whose result is to relate like this."""
    for name, multiple in (("weight", factor), ("bias", shift)):
        ours, theirs = call.has(name)
        if ours != theirs:
            raise Unproven(f"{name} is there in one of the two networks only")
        scaled = [*out[:-1], out[-1].times(multiple)]
        zero = FRESH_ENTRY if name == "weight" else ZERO_ENTRY
        if ours:
            call.assign(name, *(rows(axis, zero=zero) for axis in scaled))
        else:
            call.require(name == "bias" or is_close(multiple, 1.0), "a factor has no tensor to go to")


def _relate_rms_norm(call: Call) -> tuple[AxisRelation, ...]:
    """The mean square over the last axes: zeros and equally many copies, c^2 k n / m = 1."""
    call.require_same("eps")
    count = _num_normalized(call)
    axes = with_factor_on(call.operand("input"), -1)
    others, normalized = axes[:-count], axes[-count:]
    call.require(all(axis.factor == 1 for axis in others), "what is normalized is scaled place by place")
    ratio = math.prod(_square_ratio(call, axis) for axis in normalized)
    factor = _known(total_factor(normalized))
    spread = abs(factor) * math.sqrt(ratio)
    call.require_factor("input", 1.0 if is_close(spread, 1.0) else spread, "the root mean square is")
    demanded = call.known.maps.factor_of(call.node.name)
    plain = [axis.unscaled() for axis in normalized]
    if not call.has("weight")[0]:
        call.require(call.has("weight") == (False, False), "weight is there in the parent only")
        return (*(axis.without_means() for axis in others), *normalized)
    _assign_affine(call, plain, factor=demanded / factor, shift=demanded)
    plain[-1] = plain[-1].times(demanded)
    return (*(axis.without_means() for axis in others), *plain)


def _square_ratio(call: Call, axis: AxisRelation) -> float:
    counts = axis.counts
    is_even = len(counts) > 0 and bool((counts == counts[0]).all()) and counts[0] > 0
    is_known = is_even and not axis.has(JUNK, MEAN) and not math.isnan(axis.factor)
    call.require(is_known, "what is normalized holds new entries, or not equally many copies of each")
    return counts[0] * len(counts) / len(axis) if is_known else 1.0


def _structure_group_norm(axes: NodeAxes) -> None:
    axes.tie_all("input")
    groups, in_parent = axes.node.arguments["num_groups"], axes.argument_in_parent("num_groups")
    ours, theirs = axes.shapes(axes.node)
    if isinstance(groups, int) and isinstance(in_parent, int):
        inside = None if theirs is None else theirs[1] // in_parent
        place = axes.node.name, 1
        axes.atoms.replace(place, (Atom(in_parent, groups), Atom(inside, ours[1] // groups)))
    axes.mark(RESULT, 1, Use.GROUPED)
    axes.tie("weight", 0, RESULT, 1)
    axes.tie("bias", 0, RESULT, 1)


def _relate_group_norm(call: Call) -> tuple[AxisRelation, ...]:
    """Input BC...: each group by itself. Groups pass as wholes, with equally many copies of each channel."""
    call.require_same("eps")
    axes = call.operand("input")
    require_identity(call, axes, but=1)
    ours, theirs = call.argument("num_groups"), call.argument_in_parent("num_groups")
    channels = axes[1]
    if not isinstance(ours, int) or not isinstance(theirs, int):
        raise Unproven(f"num_groups is {ours}, in the parent {theirs}")
    parts = factored(
        channels, ours=(ours, len(channels) // ours), theirs=(theirs, channels.num_parent // theirs)
    )
    if parts is None:
        raise Unproven(f"the channels are no product of {ours} groups and the channels of one")
    counts = parts[1].counts
    is_even = bool((counts == counts[0]).all()) and not parts[1].has(JUNK, ZERO, MEAN)
    call.require(is_even, "a group holds new channels, or not equally many copies of each")
    call.require(channels.factor == 1, "a group is scaled")
    passed = channels.with_zero_as_junk()
    _assign_channels(call, passed)
    return (axes[0], passed, *axes[2:])


register(
    "aten.batch_norm.default",
    rule=OperatorRule(
        _structure_channels, _relate_channels, _insert_batch_norm, zeroed_by=("weight", "bias")
    ),
)
register(
    "aten.instance_norm.default",
    rule=OperatorRule(_structure_channels, _relate_channels, zeroed_by=("weight", "bias")),
)
register(
    "aten.layer_norm.default",
    rule=OperatorRule(_structure_last, _relate_layer_norm, _insert_norm, zeroed_by=("weight", "bias")),
)
register(
    "aten.rms_norm.default",
    rule=OperatorRule(
        _structure_last, _relate_rms_norm, _insert_norm, zeroed_by=("weight",), keeps_zero=True
    ),
)
register(
    "aten.group_norm.default",
    rule=OperatorRule(_structure_group_norm, _relate_group_norm, _insert_norm, zeroed_by=("weight", "bias")),
)
