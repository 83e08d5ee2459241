"""Rules for tables that are read by index: embeddings, relative positions, gathers."""

from __future__ import annotations

from heredity.graph import Ref
from heredity.transfer.operators.atoms import Use
from heredity.transfer.operators.axes import RESULT, NodeAxes
from heredity.transfer.operators.call import Call
from heredity.transfer.operators.maps import rows
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import JUNK, AxisRelation, Unproven, gather, identity
from heredity.transfer.operators.rules.affine import relation_of

Axes = tuple[AxisRelation, ...]


def _structure_embedding(axes: NodeAxes) -> None:
    axes.mark("weight", 0, Use.TABLE)
    axes.tie("weight", 1, RESULT, -1)
    for axis in range(axes.rank("indices")):
        axes.tie("indices", axis, RESULT, axis)


def _relate_embedding(call: Call) -> Axes:
    """Indices ..., weight VD, result ...D. New rows come behind, so that the old ones keep their numbers."""
    call.require_same("padding_idx", "scale_grad_by_freq", "sparse")
    if not call.is_tensor("weight"):
        raise Unproven("weight is not a tensor of the state dict but computed")
    indices = call.operand("indices")
    call.require(all(axis.is_identity for axis in indices), "the indices differ")
    ours, theirs = call.shapes("weight")
    known = call.solved("weight")
    if known is not None:
        table = relation_of(known[0], theirs[0])
        is_table = table.num_parent <= len(table) and bool(
            (table.g[: table.num_parent] == identity(table.num_parent).g).all() and (table.s == 1).all()
        )
        call.require(is_table, "a tied table's rows are not the parent's")
        return (*indices, relation_of(known[1], theirs[1]))
    call.require(ours[0] >= theirs[0], f"the table has {ours[0]} rows, in the parent {theirs[0]}")
    kept = list(range(min(ours[0], theirs[0])))
    table = gather(kept + [JUNK] * (ours[0] - len(kept)), num_parent=theirs[0])
    out = call.produced(-1)
    call.assign("weight", rows(table, is_read_whole=True), rows(out))
    return (*indices, out)


def _structure_index(axes: NodeAxes) -> None:
    """The axes behind those that are looked up pass."""
    indices = axes.node.arguments.get("indices")
    count = len(indices) if isinstance(indices, tuple) else 1
    for axis in range(1, axes.rank("input") - count + 1):
        axes.tie("input", -axis, RESULT, -axis)


def _relate_index(call: Call) -> Axes:
    """A table T1...Tk,R... looked up by k tensors: what is looked up has to be the same, the rest passes."""
    ours, theirs = call.argument("indices"), call.argument_in_parent("indices")
    if not isinstance(ours, tuple) or not isinstance(theirs, tuple) or len(ours) != len(theirs):
        raise Unproven("the indices are others")
    if not all(isinstance(each, Ref) for each in (*ours, *theirs)):
        raise Unproven("some axes are not looked up")
    looked_up = call.operands("indices")
    call.require(all(axis.is_identity for index in looked_up for axis in index), "the indices differ")
    axes = _table(call)
    count = len(ours)
    call.require(all(axis.is_identity for axis in axes[:count]), "the table's rows differ")
    num_new = len(call.node.shape or ()) - (len(axes) - count)
    return (*(identity(size) for size in (call.node.shape or ())[:num_new]), *axes[count:])


def _table(call: Call) -> Axes:
    """What is looked up; a tensor of the state dict takes the factor that a reader demands of it."""
    ours, theirs = call.argument("input"), call.argument_in_parent("input")
    factor = call.known.maps.factor_of(call.node.name)
    is_scaled = factor != 1 and call.is_tensor("input") and call.solved("input") is None
    if not is_scaled or not isinstance(ours, Ref) or not isinstance(theirs, Ref):
        return call.operand("input")
    *others, last = call.proposal(ours.name, theirs.name)
    axes = (*others, last.times(factor))
    call.assign("input", *map(rows, axes))
    return axes


def _structure_index_select(axes: NodeAxes) -> None:
    dim = axes.node.arguments.get("dim", 0)
    for axis in range(axes.rank("input")):
        if isinstance(dim, int) and axis != dim % axes.rank("input"):
            axes.tie("input", axis, RESULT, axis)


def _relate_index_select(call: Call) -> Axes:
    """Entries of one axis, looked up by a tensor that is the same in both networks; other axes pass."""
    call.require_same("dim")
    axes = list(call.operand("input"))
    dim = call.argument("dim")
    dim = dim % len(axes) if isinstance(dim, int) else 0
    call.require(all(axis.is_identity for axis in call.operand("index")), "the indices differ")
    call.require(axes[dim].is_identity, "the axis that is looked up differs")
    axes[dim] = identity((call.node.shape or ())[dim])
    return tuple(axes)


register(
    "aten.embedding.default",
    rule=OperatorRule(_structure_embedding, _relate_embedding, zeroed_by=("weight",)),
)
register(
    "aten.index.Tensor",
    rule=OperatorRule(_structure_index, _relate_index, zeroed_by=("input",), keeps_zero=True),
)
register("aten.index_select.default", rule=OperatorRule(_structure_index_select, _relate_index_select))
