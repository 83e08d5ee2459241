"""Rules for operators with tensors of their own: convolution, linear layer, batch normalization.

Shapes: B batch, C channels, H and W height and width, O and I output and input channels of a weight. For all
    of them W' = E_out W D_in, where E makes the child's entries of the parent's, D E = 1 (Net2Net: Chen et
    al., 2016, arXiv:1511.05641; network morphism: Wei et al., 2016, arXiv:1603.01670).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.transfer.operators.axes import RESULT, NodeAxes
from heredity.transfer.operators.call import Call, columns, rows, whole
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import AxisRelation, Unproven, identity
from heredity.transfer.plans.plan import FRESH_ENTRY

if TYPE_CHECKING:
    from collections.abc import Sequence


def require_identity(call: Call, axes: Sequence[AxisRelation], *, but: int) -> None:
    """Require that all axes but one are the same in both networks."""
    others = [axis for i, axis in enumerate(axes) if i != but]
    call.require(all(axis.is_identity for axis in others), "an axis other than the channels differs")


def _assign_bias(call: Call, out: AxisRelation) -> None:
    """Solve the bias: b' = E_out b."""
    ours, theirs = call.has("bias")
    call.require(ours or not theirs, "the parent has a bias here, the child has none")
    if ours and theirs:
        call.assign("bias", rows(out))
    elif ours:
        call.assign_constant("bias", 0.0)


def _structure_conv2d(axes: NodeAxes) -> None:
    axes.tie("weight", 0, RESULT, -3)
    axes.tie("bias", 0, RESULT, -3)
    if axes.node.arguments["groups"] == 1:
        axes.tie("weight", 1, "input", -3)
    if axes.rank(RESULT) == 4:
        axes.tie("input", 0, RESULT, 0)


def _relate_conv2d(call: Call) -> tuple[AxisRelation, ...]:
    """Input (B)CHW, weight OIHW: channels mix by the weight; places mix too, so they have to be the same."""
    if call.argument("groups") != 1:
        raise Unproven("a grouped convolution has no rule yet unless nothing about it changes")
    ours, theirs = call.tensor_shapes("weight")
    if ours[2:] != theirs[2:]:
        raise Unproven(f"the kernel is {ours[2:]}, in the parent {theirs[2:]}")
    call.require_same("stride", "padding", "dilation", "groups")
    axes = call.operand("input")
    channel = len(axes) - 3
    require_identity(call, axes, but=channel)
    result = list(call.proposal())
    call.assign("weight", rows(result[channel]), columns(call, axes[channel]), *map(whole, ours[2:]))
    _assign_bias(call, result[channel])
    return _identities_but(result, channel)


def _identities_but(axes: Sequence[AxisRelation], channel: int) -> tuple[AxisRelation, ...]:
    """The relation of a result whose axes are the same in both networks, but for the channels."""
    return tuple(axis if i == channel else identity(len(axis)) for i, axis in enumerate(axes))


def _structure_linear(axes: NodeAxes) -> None:
    axes.tie("weight", 0, RESULT, -1)
    axes.tie("bias", 0, RESULT, -1)
    axes.tie("weight", 1, "input", -1)
    for axis in range(2, axes.rank(RESULT) + 1):
        axes.tie("input", -axis, RESULT, -axis)


def _relate_linear(call: Call) -> tuple[AxisRelation, ...]:
    """Input ...I, weight OI, result ...O: only the last axis is contracted, all others pass."""
    call.tensor_shapes("weight")
    *others, last = call.operand("input")
    out = call.proposal()[-1]
    call.assign("weight", rows(out), columns(call, last))
    _assign_bias(call, out)
    if call.has("bias")[0]:
        # Where the input is zero along another axis, the result is the bias, which the parent does not have
        # there.
        others = [axis.with_zero_as_junk() for axis in others]
        call.require(all((axis.s == 1).all() for axis in others), "a bias is added to scaled entries")
    return (*others, out)


def _structure_batch_norm(axes: NodeAxes) -> None:
    axes.tie_all("input")
    for name in ("weight", "bias", "running_mean", "running_var"):
        axes.tie(name, 0, RESULT, 1)


def _relate_batch_norm(call: Call) -> tuple[AxisRelation, ...]:
    """Input BC...: each channel by itself, in eval mode by its running statistics, in train mode by the
    batch's.

    A new channel's junk is normalized by the child's own fresh statistics. The other axes have to be the
    same, for the sake of the batch's statistics.
    """
    call.require_same("eps", "training")
    axes = call.operand("input")
    require_identity(call, axes, but=1)
    channels = axes[1].with_unit_scales()
    # Where the input is zero, the result has to be zero: no mean, no shift. Factor and variance are free
    # there.
    for name, map_of_zero in (
        ("weight", {"zero": FRESH_ENTRY}),
        ("bias", {}),
        ("running_mean", {}),
        ("running_var", {"zero": FRESH_ENTRY}),
    ):
        ours, theirs = call.has(name)
        if ours != theirs:
            raise Unproven(f"{name} is there in one of the two networks only")
        if ours:
            call.assign(name, rows(channels, **map_of_zero))
    return (axes[0], channels, *axes[2:])


register(
    "aten.conv2d.default",
    "aten.conv2d.padding",
    rule=OperatorRule(_structure_conv2d, _relate_conv2d, zeroed_by=("weight", "bias")),
)
register(
    "aten.linear.default",
    rule=OperatorRule(_structure_linear, _relate_linear, zeroed_by=("weight", "bias")),
)
register(
    "aten.batch_norm.default",
    rule=OperatorRule(_structure_batch_norm, _relate_batch_norm, zeroed_by=("weight", "bias")),
)
