"""Rules for convolutions of one to three dimensions: dense, grouped, depthwise, dilated, transposed.

Shapes: B batch, C channels, then the places; the weight is O, I / groups, kernel (I, O / groups, kernel if
    transposed).
"""

from __future__ import annotations

import math

from heredity.graph import Argument
from heredity.transfer.operators.atoms import Atom
from heredity.transfer.operators.axes import RESULT, NodeAxes
from heredity.transfer.operators.call import Call, InsertedCall
from heredity.transfer.operators.maps import centred, columns, rows
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import (
    AxisRelation,
    Related,
    Unproven,
    Value,
    factored,
    flattened,
    identity,
    with_factor_on,
)
from heredity.transfer.operators.rules.affine import assign_bias, identity_along, require_all_read
from heredity.transfer.plans.plan import AxisMap

_PLACES = {"1": 1, "2": 2, "3": 3}


def _num_places(target: str) -> int:
    """How many axes of places a convolution has, by its name: aten.conv2d.default, aten.conv_transpose1d."""
    return next(count for digit, count in _PLACES.items() if f"{digit}d" in target)


def require_identity(call: Call, axes: tuple[AxisRelation, ...] | list[AxisRelation], *, but: int) -> None:
    """Require that all axes but one are the same in both networks."""
    others = [axis for i, axis in enumerate(axes) if i != but]
    call.require(all(axis.is_identity for axis in others), "an axis other than the channels differs")


def _structure(axes: NodeAxes) -> None:
    channel = -1 - _num_places(axes.node.target)
    is_transposed = "transpose" in axes.node.target
    out, read = (1, 0) if is_transposed else (0, 1)
    groups, in_parent = axes.node.arguments["groups"], axes.argument_in_parent("groups")
    if axes.rank(RESULT) == 1 - channel:
        axes.tie("input", 0, RESULT, 0)
    axes.tie("bias", 0, RESULT, channel)
    if groups == 1 and in_parent == 1:
        axes.tie("weight", out, RESULT, channel)
        axes.tie("weight", read, "input", channel)
    elif isinstance(groups, int) and isinstance(in_parent, int):
        _structure_groups(axes, channel, (in_parent, groups))


def _structure_groups(axes: NodeAxes, channel: int, groups: tuple[int, int]) -> None:
    """Channels are groups times channels of a group; the groups of input and result are the same."""
    shared = Atom(*groups)
    for operand in ("input", RESULT):
        node = axes.operand(operand)
        if node is None:
            continue
        ours, theirs = axes.shapes(node)
        is_alike = theirs is not None and len(theirs) == len(ours)
        inside = theirs[channel] // groups[0] if theirs is not None and is_alike else None
        place = node.name, len(ours) + channel
        axes.atoms.replace(place, (shared, Atom(inside, ours[channel] // groups[1])))
    if axes.node.target.startswith("aten.conv_transpose"):
        axes.tie("weight", 0, "input", channel)
    else:
        axes.tie("weight", 0, RESULT, channel)


def _relate(call: Call) -> tuple[AxisRelation, ...]:
    """Channels mix by the weight; places mix too, so they have to be the same."""
    if not call.is_tensor("weight"):
        raise Unproven("weight is not a tensor of the state dict but computed")
    kernel = _kernel(call)
    call.require_same("stride", "dilation")
    axes = call.operand("input")
    channel = len(axes) - 1 - _num_places(call.node.target)
    require_identity(call, axes, but=channel)
    read = with_factor_on(axes, channel)[channel]
    groups = _groups(call)
    solve = _solve_dense if groups == (1, 1) else _solve_groups
    out = solve(call, read, channel, kernel, groups)
    assign_bias(call, out)
    sizes = call.node.shape or ()
    return tuple(out if i == channel else identity(size) for i, size in enumerate(sizes))


def _groups(call: Call) -> tuple[int, int]:
    theirs, ours = call.argument_in_parent("groups"), call.argument("groups")
    if not isinstance(ours, int) or not isinstance(theirs, int):
        raise Unproven(f"groups is {ours}, in the parent {theirs}")
    return theirs, ours


def _solve_dense(
    call: Call, read: AxisRelation, channel: int, kernel: list[AxisMap], groups: tuple[int, int]
) -> AxisRelation:
    del groups
    require_all_read(call, read)
    out = call.produced(channel)
    maps = [rows(out), columns(read)]
    reads = 1
    if "transpose" in call.node.target:
        maps, reads = maps[::-1], 0
    call.assign("weight", *maps, *kernel, reads=reads)
    return out


def _solve_groups(
    call: Call, read: AxisRelation, channel: int, kernel: list[AxisMap], groups: tuple[int, int]
) -> AxisRelation:
    """Whole groups are copied or added, and channels inside of them: each is (group, channel in it)."""
    theirs, ours = groups
    parts = factored(read, ours=(ours, len(read) // ours), theirs=(theirs, read.num_parent // theirs))
    if parts is None:
        raise Unproven(f"the channels do not fit into {ours} groups, in the parent {theirs}")
    group, inside = parts[0].with_zero_as_junk(), parts[1]
    out = call.produced(channel)
    made = factored(out, ours=(ours, len(out) // ours), theirs=(theirs, out.num_parent // theirs))
    if made is None:
        raise Unproven(f"the result does not fit into {ours} groups, in the parent {theirs}")
    require_all_read(call, inside)
    plain = AxisRelation(group.g, group.s / group.s, group.num_parent)
    if "transpose" in call.node.target:
        call.assign("weight", columns(read), rows(made[1]), *kernel)
        call.require(plain.is_identity, "the groups of a transposed convolution differ")
        group = plain  # the columns, which the groups are part of, have taken up their factors
    else:
        call.assign("weight", rows(flattened([plain, made[1]])), columns(inside), *kernel, reads=1)
    return flattened([group, made[1]])


def _kernel(call: Call) -> list[AxisMap]:
    """The maps of the kernel's axes; a kernel that grows is centred in the new one, if the padding allows."""
    ours, theirs = (shape[2:] for shape in call.shapes("weight"))
    if ours == theirs:
        call.require_same("padding", *(["output_padding"] if "transpose" in call.node.target else []))
    else:
        call.require("transpose" not in call.node.target, f"the kernel is {ours}, in the parent {theirs}")
        _require_centre(call, ours, theirs)
    return [centred(m, n) for m, n in zip(ours, theirs, strict=True)]


def _require_centre(call: Call, ours: tuple[int, ...], theirs: tuple[int, ...]) -> None:
    grows = [m - n for m, n in zip(ours, theirs, strict=True)]
    call.require(
        all(grown >= 0 and grown % 2 == 0 for grown in grows), f"the kernel is {ours}, in the parent {theirs}"
    )
    dilation = _numbers(call.argument("dilation"), len(grows))
    paddings = call.argument("padding"), call.argument_in_parent("padding")
    if "same" in paddings:
        is_right = paddings[0] == paddings[1] and all(n % 2 for n in theirs)
    else:
        added = [a - b for a, b in zip(*(_numbers(each, len(grows)) for each in paddings), strict=True)]
        is_right = added == [d * grown // 2 for d, grown in zip(dilation, grows, strict=True)]
    call.require(is_right, f"the kernel grows to {ours}, and the padding does not with it")


def _numbers(value: Argument, count: int) -> list[int]:
    if value == "valid":
        return [0] * count
    numbers = [part for part in value if isinstance(part, int)] if isinstance(value, tuple) else []
    if isinstance(value, int):
        numbers = [value]
    return numbers * count if len(numbers) == 1 else numbers


def _insert(call: InsertedCall) -> Value:
    """A new convolution starts as the identity: one at the centre of its kernel (Dirac's delta)."""
    count = _num_places(call.node.target)
    kernel = call.shape("weight")[2:]
    dilation = _numbers(call.node.arguments["dilation"], count)
    padding = call.node.arguments["padding"]
    centre = [d * (k // 2) for d, k in zip(dilation, kernel, strict=True)]
    is_centred = padding == "same" or _numbers(padding, count) == centre
    is_plain = (
        set(_numbers(call.node.arguments["stride"], count)) == {1} and call.node.arguments["groups"] == 1
    )
    if not is_centred or not is_plain or not all(k % 2 for k in kernel) or "transpose" in call.node.target:
        raise Unproven(f"a new {call.node.target} that cannot be the identity")
    value, out = identity_along(call, -1 - count)
    axes = list(value.axes)
    axes[-1 - count] = out
    if not math.prod(axis.is_identity for i, axis in enumerate(axes) if i != len(axes) - 1 - count):
        raise Unproven("an axis other than the channels differs")
    return Related(value.parent, tuple(axes), value.taint, value.training_taint)


for _digit in _PLACES:
    register(
        f"aten.conv{_digit}d.default",
        f"aten.conv{_digit}d.padding",
        rule=OperatorRule(_structure, _relate, _insert, zeroed_by=("weight", "bias")),
    )
register(
    "aten.conv_transpose1d.default",
    "aten.conv_transpose2d.input",
    "aten.conv_transpose3d.input",
    rule=OperatorRule(_structure, _relate, zeroed_by=("weight", "bias")),
)
