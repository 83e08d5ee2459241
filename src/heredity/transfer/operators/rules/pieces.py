"""Rules for operators that join tensors or cut them into several: cat, stack, split, chunk, unbind."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from heredity.graph import Argument, Node, Ref, origin
from heredity.transfer.operators.atoms import Axis, tie
from heredity.transfer.operators.axes import RESULT, NodeAxes
from heredity.transfer.operators.call import Call, InsertedCall
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import (
    JUNK,
    AxisRelation,
    Related,
    Unproven,
    Value,
    concatenated,
    identity,
    piece,
)

Axes = tuple[AxisRelation, ...]
_SPLITS = frozenset({"aten.split.Tensor", "aten.split_with_sizes.default", "aten.chunk.default"})


def _dim(node: Node, rank: int) -> int:
    dim = node.arguments.get("dim", 0)
    return (dim if isinstance(dim, int) else 0) % rank


def _structure_cat(axes: NodeAxes) -> None:
    parts = axes.operands("tensors")
    rank = axes.rank(RESULT)
    if not parts or any(len(part.shape or ()) != rank for part in parts):
        return
    dim = _dim(axes.node, rank)
    for part in parts:
        for axis in range(rank):
            if axis != dim:
                axes.tie_places((part.name, axis), (axes.node.name, axis))
    axes.join((axes.node.name, dim), [(part.name, dim) for part in parts])


def _relate_cat(call: Call) -> Axes:
    """The axis that is joined relates piece by piece; along all others the pieces have to relate alike."""
    call.require_same("dim")
    ours, theirs = call.argument("tensors"), call.argument_in_parent("tensors")
    if isinstance(ours, tuple) and isinstance(theirs, tuple) and len(ours) != len(theirs):
        return _with_new_pieces(call, ours, theirs)
    parts = call.operands("tensors")
    return _joined(parts, _dim(call.node, len(parts[0])))


def _joined(parts: tuple[Axes, ...], dim: int) -> Axes:
    found = []
    for axis in range(len(parts[0])):
        first = parts[0][axis]
        for part in parts[1:]:
            if (len(part[axis]), part[axis].num_parent) != (len(first), first.num_parent) and axis != dim:
                raise Unproven("pieces of other sizes are joined")
            first = first.agreeing_with(part[axis]) if axis != dim else first
        found.append(concatenated([part[dim] for part in parts]) if axis == dim else first)
    return tuple(found)


def _with_new_pieces(
    call: Call | InsertedCall, ours: tuple[Argument, ...], theirs: tuple[Argument, ...]
) -> Axes:
    """Each piece that is one of the parent's takes its place; all others are new.

    Raises:
        Unproven: A piece of the parent's is missing, or the pieces do not relate alike along the other axes.
    """
    graph = call.known.parent
    names = [origin(graph, ref.name) for ref in theirs if isinstance(ref, Ref)]
    dim = _dim(call.node, len(call.node.shape or ()))
    widths = [(graph[name].shape or ())[dim] for name in names]
    offsets = dict(zip(names, np.cumsum([0, *widths]), strict=False))
    found: list[AxisRelation] = []
    others: Axes | None = None
    for ref in ours:
        value = call.known.values[ref.name] if isinstance(ref, Ref) else None
        size = (call.known.child[ref.name].shape or ())[dim] if isinstance(ref, Ref) else 0
        if not isinstance(value, Related) or value.parent not in offsets or value.taint:
            found.append(_new(size, sum(widths)))
            continue
        offset = int(offsets.pop(value.parent))
        axis = value.axes[dim].without_means()
        g = np.where(axis.g >= 0, axis.g + offset, axis.g)
        found.append(AxisRelation(g, axis.s, sum(widths)))
        rest = tuple(each for i, each in enumerate(value.axes) if i != dim)
        others = (
            rest if others is None else tuple(a.agreeing_with(b) for a, b in zip(others, rest, strict=True))
        )
        call.training_taint = call.training_taint or value.training_taint
    if offsets or others is None:
        raise Unproven(
            f"{len(ours)} pieces are joined, in the parent {len(theirs)}, and not all of them are here"
        )
    joined = AxisRelation(
        np.concatenate([axis.g for axis in found]), np.concatenate([axis.s for axis in found]), sum(widths)
    )
    return (*others[:dim], joined, *others[dim:])


def _new(size: int, num_parent: int) -> AxisRelation:
    return AxisRelation(np.full(size, JUNK), np.ones(size), num_parent)


def _insert_cat(call: InsertedCall) -> Value:
    """New entries are joined to what is there: whoever reads them next ignores them at first (DenseNet)."""
    parts = call.operands("tensors")
    known = [value for value in parts if isinstance(value, Related) and not value.taint]
    if len(known) != 1:
        return _insert_longer_cat(call)
    dim = _dim(call.node, len(call.node.shape or ()))
    num_parent = known[0].axes[dim].num_parent
    refs = call.node.arguments["tensors"]
    names = [ref.name for ref in refs if isinstance(ref, Ref)] if isinstance(refs, tuple) else []
    found = [
        known[0].axes[dim].without_means()
        if value is known[0]
        else _new((call.known.child[name].shape or ())[dim], num_parent)
        for value, name in zip(parts, names, strict=True)
    ]
    joined = AxisRelation(
        np.concatenate([axis.g for axis in found]), np.concatenate([axis.s for axis in found]), num_parent
    )
    axes = tuple(joined if i == dim else axis for i, axis in enumerate(known[0].axes))
    return Related(known[0].parent, axes, training_taint=known[0].training_taint)


def _insert_longer_cat(call: InsertedCall) -> Value:
    """All pieces that the parent joins somewhere, and new ones: where each layer joins all before it."""
    graph = call.known.parent
    ours = call.node.arguments["tensors"]
    dim = _dim(call.node, len(call.node.shape or ()))
    found: list[Related] = []
    for other in graph.calls:
        theirs = other.arguments.get("tensors")
        is_alike = other.target == call.node.target and _dim(other, len(other.shape or ())) == dim
        if is_alike and isinstance(ours, tuple) and isinstance(theirs, tuple):
            with suppress(Unproven):
                found.append(Related(other.name, _with_new_pieces(call, ours, theirs)))
    if not found:
        raise Unproven("new entries are joined to what is not known")
    return max(found, key=lambda value: value.axes[dim].num_parent)


def _structure_stack(axes: NodeAxes) -> None:
    rank = axes.rank(RESULT)
    dim = _dim(axes.node, rank)
    kept = [axis for axis in range(rank) if axis != dim]
    for part in axes.operands("tensors"):
        for before, after in enumerate(kept):
            axes.tie_places((part.name, before), (axes.node.name, after))


def _relate_stack(call: Call) -> Axes:
    """As many tensors, in the same order, one on another; they have to relate alike."""
    call.require_same("dim")
    parts = call.operands("tensors")
    dim = _dim(call.node, len(parts[0]) + 1)
    found = list(parts[0])
    for part in parts[1:]:
        if [(len(a), a.num_parent) for a in part] != [(len(a), a.num_parent) for a in found]:
            raise Unproven("tensors of other sizes are stacked")
        found = [a.agreeing_with(b) for a, b in zip(found, part, strict=True)]
    found.insert(dim, identity(len(parts)))
    return tuple(found)


def sizes_of(node: Node, size: int) -> list[int]:
    """The lengths of the parts into which an operator cuts an axis of this length."""
    given = node.arguments.get("split_sizes")
    if isinstance(given, tuple):
        return [part for part in given if isinstance(part, int)]
    each = node.arguments.get("split_size")
    if not isinstance(each, int):
        chunks = node.arguments.get("chunks")
        each = -(-size // chunks) if isinstance(chunks, int) and chunks else size
    count = max(1, -(-size // max(each, 1)))
    return [min(each, size - i * each) for i in range(count)]


def _structure_split(axes: NodeAxes) -> None:
    operand = axes.operand("input")
    if operand is None:
        return
    ours, theirs = axes.shapes(operand)
    dim = _dim(axes.node, len(ours))
    partner = axes.partners.get(axes.node.name)
    if theirs is None or partner is None or len(theirs) != len(ours):
        return
    sizes = sizes_of(axes.node, ours[dim])
    in_parent = sizes_of(axes.parent[partner], theirs[dim])
    if len(sizes) == len(in_parent):
        axes.cut((operand.name, dim), list(zip(in_parent, sizes, strict=True)))


def _relate_split(call: Call) -> list[Axes]:
    """Each part relates as its range of the axis does."""
    call.require_same("dim")
    axes = call.operand("input")
    dim = _dim(call.node, len(axes))
    axis = axes[dim]
    ours = sizes_of(call.node, len(axis))
    theirs = sizes_of(call.partner, axis.num_parent)
    if len(ours) != len(theirs):
        raise Unproven(f"it is cut into {len(ours)} parts, in the parent into {len(theirs)}")
    found: list[Axes] = []
    a = b = 0
    for m, n in zip(ours, theirs, strict=True):
        part = piece(axis, ours=(a, a + m), theirs=(b, b + n))
        found.append(tuple(part if i == dim else each for i, each in enumerate(axes)))
        a, b = a + m, b + n
    return found


def _relate_unbind(call: Call) -> list[Axes]:
    """An axis that is the same in both networks, but for factors, is taken apart into its entries."""
    call.require_same("dim")
    axes = call.operand("input")
    dim = _dim(call.node, len(axes))
    axis = axes[dim]
    call.require(axis.unscaled().is_identity, "an axis that differs is taken apart into its entries")
    kept = [each for i, each in enumerate(axes) if i != dim]
    call.require(bool(kept) or axis.is_identity, "single entries are scaled")
    return [tuple([*kept[:-1], kept[-1].times(float(s))] if kept else []) for s in axis.s]


def _structure_item(axes: NodeAxes) -> None:
    """Tie a part to what it is a part of: the pieces of the operand of the split."""
    split, index = axes.operand("input"), axes.node.arguments.get("index")
    if split is None or not isinstance(index, int):
        return
    ref = split.arguments.get("input")
    if not isinstance(ref, Ref):
        return
    operand = axes.graph[ref.name]
    rank = len(operand.shape or ())
    dim = _dim(split, rank) if rank else 0
    kept = [axis for axis in range(rank) if axis != dim]
    if split.target in _SPLITS:
        for axis in kept:
            axes.tie_places((operand.name, axis), (axes.node.name, axis))
        pieces = _pieces(axes.atoms.of((operand.name, dim)))
        if index < len(pieces):
            tie(pieces[index], axes.atoms.of((axes.node.name, dim)))
    elif split.target == "aten.unbind.int":
        for after, before in enumerate(kept):
            axes.tie_places((operand.name, before), (axes.node.name, after))


def _pieces(axis: Axis) -> tuple[Axis, ...]:
    return axis[0].root.pieces if len(axis) == 1 else ()


def _relate_item(call: Call) -> Axes:
    index, theirs = call.argument("index"), call.argument_in_parent("index")
    if not isinstance(index, int) or not isinstance(theirs, int):
        raise Unproven(f"index is {index}, in the parent {theirs}")
    return call.part("input", (index, theirs))


def _structure_nothing(axes: NodeAxes) -> None:
    """The parts are tied where they are taken."""


register("aten.cat.default", rule=OperatorRule(_structure_cat, _relate_cat, _insert_cat))
register("aten.stack.default", rule=OperatorRule(_structure_stack, _relate_stack))
register(*sorted(_SPLITS), rule=OperatorRule(_structure_split, _relate_split, keeps_zero=True))
register("aten.unbind.int", rule=OperatorRule(_structure_nothing, _relate_unbind, keeps_zero=True))
register("getitem", rule=OperatorRule(_structure_item, _relate_item, keeps_zero=True))
