"""Rules for operators that deal the entries of channels out anew: pixel and channel shuffles."""

from __future__ import annotations

from heredity.graph import Argument
from heredity.transfer.operators.atoms import Atom
from heredity.transfer.operators.axes import RESULT, NodeAxes
from heredity.transfer.operators.call import Call
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import AxisRelation, Unproven, factored, flattened, identity

Axes = tuple[AxisRelation, ...]
_CHANNEL = -3


def _number(value: Argument) -> int:
    return value if isinstance(value, int) else 1


def _structure_pixels(axes: NodeAxes) -> None:
    """The deep side's channels are the wide side's, each r * r times."""
    is_shuffle = "unshuffle" not in axes.node.target
    factor = _number(axes.node.arguments.get("upscale_factor" if is_shuffle else "downscale_factor"))
    deep, wide = ("input", RESULT) if is_shuffle else (RESULT, "input")
    node, channels = axes.operand(deep), axes.axis(wide, _CHANNEL)
    if node is not None and channels is not None:
        place = node.name, len(node.shape or ()) + _CHANNEL
        axes.atoms.replace(place, (*channels, Atom(factor**2, factor**2)))
    for axis in range(axes.rank("input") + _CHANNEL):
        axes.tie("input", axis, RESULT, axis)


def _relate_pixel_shuffle(call: Call) -> Axes:
    """Channels C r r become C, the places r times as many in both directions."""
    call.require_same("upscale_factor")
    square = _number(call.argument("upscale_factor")) ** 2
    axes = call.operand("input")
    channels = axes[_CHANNEL]
    parts = factored(
        channels, ours=(len(channels) // square, square), theirs=(channels.num_parent // square, square)
    )
    if parts is None or not parts[1].is_identity:
        raise Unproven(f"the channels are not taken over in blocks of {square}")
    return _with_channels(call, axes, parts[0])


def _relate_pixel_unshuffle(call: Call) -> Axes:
    """Blocks of r times r places become channels of their own."""
    call.require_same("downscale_factor")
    square = _number(call.argument("downscale_factor")) ** 2
    axes = call.operand("input")
    return _with_channels(call, axes, flattened([axes[_CHANNEL], identity(square)]))


def _with_channels(call: Call, axes: Axes, channels: AxisRelation) -> Axes:
    call.require(all(axis.is_identity for axis in axes[_CHANNEL + 1 :]), "the places differ")
    places = (call.node.shape or ())[_CHANNEL + 1 :]
    return (*axes[:_CHANNEL], channels, *(identity(size) for size in places))


def _structure_channels(axes: NodeAxes) -> None:
    """Groups times channels become channels times groups."""
    groups, in_parent = _number(axes.node.arguments.get("groups")), axes.argument_in_parent("groups")
    operand = axes.operand("input")
    for axis in range(axes.rank("input")):
        if axis != 1:
            axes.tie("input", axis, RESULT, axis)
    ours, theirs = axes.shapes(axes.node)
    if operand is None or not isinstance(in_parent, int) or len(ours) < 2:
        return
    inside = Atom(None if theirs is None else theirs[1] // in_parent, ours[1] // groups)
    group = Atom(in_parent, groups)
    axes.atoms.replace((operand.name, 1), (group, inside))
    axes.atoms.replace((axes.node.name, 1), (inside, group))


def _relate_channels(call: Call) -> Axes:
    """Channel c of group g becomes number g of the c-th block (ShuffleNet: Zhang et al., 2018)."""
    ours, theirs = _number(call.argument("groups")), _number(call.argument_in_parent("groups"))
    axes = call.operand("input")
    channels = axes[1]
    parts = factored(
        channels, ours=(ours, len(channels) // ours), theirs=(theirs, channels.num_parent // theirs)
    )
    if parts is None:
        raise Unproven(f"the channels are no product of {ours} groups and the channels of one")
    return (axes[0], flattened(parts[::-1]), *axes[2:])


for _name, _rule in (
    ("pixel_shuffle", _relate_pixel_shuffle),
    ("pixel_unshuffle", _relate_pixel_unshuffle),
):
    register(f"aten.{_name}.default", rule=OperatorRule(_structure_pixels, _rule, keeps_zero=True))
register(
    "aten.channel_shuffle.default",
    "aten.native_channel_shuffle.default",
    rule=OperatorRule(_structure_channels, _relate_channels, keeps_zero=True),
)
