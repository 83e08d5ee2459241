"""Rules for operators that move entries along whole axes: permute, expand, roll, pad, flip, select, slice."""

from __future__ import annotations

import numpy as np

from heredity.graph import Argument
from heredity.transfer.operators.axes import RESULT, NodeAxes
from heredity.transfer.operators.call import Call, InsertedCall
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import AxisRelation, Unproven, Value, Zero, identity, piece

Axes = tuple[AxisRelation, ...]


def permutation(target: str, arguments: dict[str, Argument], rank: int) -> list[int]:
    """Which axis of the operand each axis of the result is, for operators that permute axes."""
    order = list(range(rank))
    if target == "aten.permute.default":
        dims = arguments.get("dims")
        return [dim % rank for dim in dims if isinstance(dim, int)] if isinstance(dims, tuple) else order
    if target == "aten.numpy_T.default":
        return order[::-1]
    if target.startswith("aten.movedim"):
        return _moved_dims(arguments, order)
    first, second = ("axis0", "axis1") if "axis0" in arguments else ("dim0", "dim1")
    last = (-2, -1) if target == "aten.mT.default" else (0, 1)
    one, other = arguments.get(first, last[0]), arguments.get(second, last[1])
    if rank > 1 and isinstance(one, int) and isinstance(other, int):
        order[one % rank], order[other % rank] = other % rank, one % rank
    return order


def _moved_dims(arguments: dict[str, Argument], order: list[int]) -> list[int]:
    rank = len(order)
    sources, places = (
        [dim % rank for dim in (dims if isinstance(dims, tuple) else (dims,)) if isinstance(dim, int)]
        for dims in (arguments.get("source"), arguments.get("destination"))
    )
    left = [axis for axis in order if axis not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        left.insert(place, axis)
    return left


def _structure_permutation(axes: NodeAxes) -> None:
    order = permutation(axes.node.target, dict(axes.node.arguments), axes.rank("input"))
    for after, before in enumerate(order):
        axes.tie("input", before, RESULT, after)


def _relate_permutation(call: Call) -> Axes:
    call.require_same(*(name for name in call.node.arguments if name != "input"))
    axes = call.operand("input")
    order = permutation(call.node.target, dict(call.node.arguments), len(axes))
    return tuple(axes[before] for before in order)


def _structure_expansion(axes: NodeAxes) -> None:
    axes.tie_all("input")


def _relate_expansion(call: Call) -> Axes:
    """An axis of one entry becomes one of many that are all alike: any relation between them is true."""
    axes = call.operand("input")
    rank = len(call.node.shape or ())
    if rank != len(call.partner.shape or ()):
        raise Unproven(f"the result has {rank} axes, in the parent {len(call.partner.shape or ())}")
    axes = (identity(1),) * (rank - len(axes)) + axes
    found = []
    for axis, relation, proposed in zip(range(rank), axes, call.proposal(), strict=True):
        m, n = (call.node.shape or ())[axis], (call.partner.shape or ())[axis]
        if (len(relation), relation.num_parent) == (m, n):
            found.append(relation)
        elif len(relation) == 1 and relation.num_parent == 1 and relation.g[0] == 0:
            known = np.where(proposed.g >= 0, proposed.g, 0)
            found.append(AxisRelation(known, np.full(m, relation.s[0]), n))
        else:
            raise Unproven(f"axis {axis} is expanded to {m} entries, in the parent to {n}")
    return tuple(found)


def _relate_unchanged_axes(call: Call) -> Axes:
    """Entries move along axes that have to be the same in both networks; all other axes pass."""
    call.require_same(*(name for name in call.node.arguments if name != "input"))
    axes = call.operand("input")
    shape = call.node.shape or ()
    dims = _moved(call, len(axes), shape)
    call.require(all(axes[dim].is_identity for dim in dims), "entries move along an axis that differs")
    if call.argument("value") not in {None, 0}:  # what is put in is neither scaled nor zero
        axes = tuple(axis.with_zero_as_junk().with_unit_scales() for axis in axes)
    return tuple(identity(shape[i]) if i in dims else axis for i, axis in enumerate(axes))


def _moved(call: Call, rank: int, shape: tuple[int, ...]) -> set[int]:
    """The axes along which entries move."""
    for name in ("dims", "dim"):
        value = call.argument(name)
        if isinstance(value, tuple) and value:
            return {dim % rank for dim in value if isinstance(dim, int)}
        if isinstance(value, int):
            return {value % rank}
    pad = call.argument("pad")
    if isinstance(pad, tuple):
        return {rank - 1 - i // 2 for i, size in enumerate(pad) if size}
    repeats = call.argument("repeats")
    if isinstance(repeats, tuple) and len(repeats) == rank:
        return {i for i, times in enumerate(repeats) if times != 1}
    return set(range(len(shape)))


def _structure_moved(axes: NodeAxes) -> None:
    for axis in range(1, min(axes.rank("input"), axes.rank(RESULT)) + 1):
        node = axes.operand("input")
        if node is not None and (node.shape or ())[-axis] == (axes.node.shape or ())[-axis]:
            axes.tie("input", -axis, RESULT, -axis)


def _insert_pad(call: InsertedCall) -> Value:
    """Zeros around zeros are zeros."""
    value = call.operand("input")
    if isinstance(value, Zero) and call.node.arguments.get("value") in {None, 0}:
        return value
    raise Unproven("a new padding changes what comes in")


def _structure_select(axes: NodeAxes) -> None:
    dim = axes.node.arguments.get("dim", 0)
    if not isinstance(dim, int):
        return
    rank = axes.rank("input")
    kept = [axis for axis in range(rank) if axis != dim % rank]
    for after, before in enumerate(kept):
        axes.tie("input", before, RESULT, after)


def _relate_select(call: Call) -> Axes:
    """One entry of an axis: it has to be the parent's entry of that number."""
    call.require_same("dim")
    axes = call.operand("input")
    dim, index, theirs = call.argument("dim"), call.argument("index"), call.argument_in_parent("index")
    if not isinstance(dim, int) or not isinstance(index, int) or not isinstance(theirs, int):
        raise Unproven(f"index is {index}, in the parent {theirs}")
    axis = axes[dim % len(axes)]
    is_right = axis.g[index] == theirs % axis.num_parent
    call.require(bool(is_right), f"entry {index} is not the parent's entry {theirs}")
    kept = [each for i, each in enumerate(axes) if i != dim % len(axes)]
    if not kept or axis.s[index] == 1:
        call.require(axis.s[index] == 1, "a single entry is scaled")
        return tuple(kept)
    return (*kept[:-1], kept[-1].times(float(axis.s[index])))


def bounds(arguments: dict[str, Argument], size: int) -> tuple[int, int, int]:
    """Start, stop and step of a slice of an axis of this length."""
    start, end, step = arguments.get("start"), arguments.get("end"), arguments.get("step", 1)
    span = slice(
        start if isinstance(start, int) else None,
        end if isinstance(end, int) else None,
        step if isinstance(step, int) else 1,
    )
    return span.indices(size)


def _structure_slice(axes: NodeAxes) -> None:
    operand, dim = axes.operand("input"), axes.node.arguments.get("dim", 0)
    if operand is None or not isinstance(dim, int):
        return
    ours, theirs = axes.shapes(operand)
    dim %= len(ours)
    for axis in range(len(ours)):
        if axis != dim or ours[axis] == (axes.node.shape or ())[axis]:
            axes.tie("input", axis, RESULT, axis)
    span = bounds(dict(axes.node.arguments), ours[dim])
    in_parent = {name: axes.argument_in_parent(name) for name in ("start", "end", "step")}
    if theirs is None or span[2] != 1 or len(theirs) != len(ours):
        return
    their_span = bounds(
        {name: value for name, value in in_parent.items() if value is None or isinstance(value, int)},
        theirs[dim],
    )
    sizes = [
        (b - a, d - c)
        for (a, b), (c, d) in zip(_cuts(their_span, theirs[dim]), _cuts(span, ours[dim]), strict=True)
    ]
    wide = [i for i, size in enumerate(sizes) if size != (0, 0)]
    if len(wide) < 2 or any(0 in sizes[i] for i in wide):
        return
    pieces = axes.cut((operand.name, dim), [sizes[i] for i in wide])
    if 1 in wide:
        axes.atoms.replace((axes.node.name, dim), pieces[wide.index(1)])


def _cuts(span: tuple[int, int, int], size: int) -> list[tuple[int, int]]:
    return [(0, span[0]), (span[0], span[1]), (span[1], size)]


def _relate_slice(call: Call) -> Axes:
    """A range of entries: those that come from the parent's range pass, with their new numbers."""
    call.require_same("dim", "step")
    axes = list(call.operand("input"))
    dim = call.argument("dim")
    dim = dim % len(axes) if isinstance(dim, int) else 0
    axis = axes[dim]
    ours = bounds(dict(call.node.arguments), len(axis))
    theirs = bounds(dict(call.partner.arguments), axis.num_parent)
    if ours[2] != 1:
        call.require(axis.is_identity and ours == theirs, "steps are taken along an axis that differs")
        axes[dim] = identity((call.node.shape or ())[dim])
        return tuple(axes)
    axes[dim] = piece(axis, ours=(ours[0], ours[1]), theirs=(theirs[0], theirs[1]))
    return tuple(axes)


register(
    "aten.permute.default",
    "aten.transpose.int",
    "aten.t.default",
    "aten.mT.default",
    "aten.numpy_T.default",
    "aten.swapaxes.default",
    "aten.swapdims.default",
    "aten.movedim.int",
    "aten.movedim.intlist",
    rule=OperatorRule(_structure_permutation, _relate_permutation, keeps_zero=True),
)
register(
    "aten.expand.default",
    "aten.expand_as.default",
    rule=OperatorRule(_structure_expansion, _relate_expansion, keeps_zero=True),
)
register(
    "aten.pad.default",
    "aten.constant_pad_nd.default",
    rule=OperatorRule(_structure_moved, _relate_unchanged_axes, _insert_pad),
)
register(
    "aten.roll.default",
    "aten.flip.default",
    "aten.cumsum.default",
    "aten.tril.default",
    "aten.triu.default",
    rule=OperatorRule(_structure_moved, _relate_unchanged_axes, keeps_zero=True),
)
register("aten.select.int", rule=OperatorRule(_structure_select, _relate_select, keeps_zero=True))
register("aten.slice.Tensor", rule=OperatorRule(_structure_slice, _relate_slice, keeps_zero=True))
