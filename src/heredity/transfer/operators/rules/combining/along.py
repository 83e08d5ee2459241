"""Rules for functions of whole axes that have to be the same in both networks: sort, argmax, cumprod.

Whatever such a function computes, it computes it for each place of the other axes by itself, so those pass.
"""

from __future__ import annotations

from heredity.graph import Ref
from heredity.transfer.operators.axes import RESULT, NodeAxes
from heredity.transfer.operators.call import Call
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import AxisRelation, Unproven, identity
from heredity.transfer.operators.rules.combining.statistics import kept_axes, reduced_axes, tie_kept
from heredity.transfer.operators.rules.entrywise.agreement import aligned, plain, same_entries

Axes = tuple[AxisRelation, ...]

# Functions of one axis that give one entry, or a list of tensors with one entry.
_REDUCING = (
    *("argmax.default", "argmin.default", "logsumexp.default", "prod.dim_int", "any.dim", "all.dim"),
    *("any.default", "all.default", "median.default", "prod.default"),
)
_REDUCING_PAIRS = (
    *("max.dim", "min.dim", "median.dim", "nanmedian.dim", "mode.default", "kthvalue.default"),
    "aminmax.default",
)
# Functions of one axis that give as many entries, or another number of them that both networks agree on.
_KEEPING = ("cumprod.default", "logcumsumexp.default", "diff.default", "argsort.default")
_KEEPING_PAIRS = (*("sort.default", "sort.stable", "topk.default", "cummax.default", "cummin.default"),)


def _structure_reducing(axes: NodeAxes) -> None:
    tie_kept(axes, reduced_axes(axes.node.arguments.get("dim"), axes.rank("input")))


def _plain_but(call: Call, name: str, dims: frozenset[int]) -> Axes:
    """An operand whose axes are the same along these, and are as they are along the others."""
    axes = plain(call.operand(name))
    call.require(all(axes[dim].is_identity for dim in dims), "an axis that is worked along differs")
    return axes


def _settings(call: Call) -> None:
    others = [name for name in call.node.arguments if name != "input"]
    if any(isinstance(call.node.arguments[name], Ref) for name in others):
        raise Unproven(f"{call.node.target} of more than one tensor")
    call.require_same(*others)


def _relate_reducing(call: Call) -> Axes:
    _settings(call)
    dims = reduced_axes(call.argument("dim"), len(call.shapes("input")[0]))
    axes = _plain_but(call, "input", dims)
    return tuple(kept_axes(axes, dims, keepdim=call.argument("keepdim")))


def _relate_reducing_pair(call: Call) -> list[Axes]:
    return [_relate_reducing(call)] * 2


def _dim(call: Call, rank: int) -> int:
    dim = call.argument("dim")
    return (dim if isinstance(dim, int) else -1) % rank


def _structure_keeping(axes: NodeAxes) -> None:
    dim = axes.node.arguments.get("dim", -1)
    rank = axes.rank("input")
    for axis in range(rank):
        if isinstance(dim, int) and rank and axis != dim % rank:
            axes.tie("input", axis, RESULT, axis)


def _keeping(call: Call) -> tuple[Axes, int]:
    _settings(call)
    dim = _dim(call, len(call.shapes("input")[0]))
    return _plain_but(call, "input", frozenset({dim})), dim


def _relate_keeping(call: Call) -> Axes:
    axes, dim = _keeping(call)
    shape = call.node.shape or ()
    return tuple(identity(shape[i]) if i == dim else axis for i, axis in enumerate(axes))


def _relate_keeping_pair(call: Call) -> list[Axes]:
    axes, dim = _keeping(call)
    num_kept = call.argument("k")
    size = num_kept if isinstance(num_kept, int) else len(axes[dim])
    found = tuple(identity(size) if i == dim else axis for i, axis in enumerate(axes))
    return [found, found]


def _structure_gather(axes: NodeAxes) -> None:
    for operand in ("input", "index"):
        dim = axes.node.arguments.get("dim", 0)
        for axis in range(axes.rank(RESULT)):
            if isinstance(dim, int) and axis != dim % axes.rank(RESULT):
                axes.tie(operand, axis, RESULT, axis)


def _relate_gather(call: Call) -> Axes:
    """Entries along an axis that is the same, looked up for each place by itself."""
    call.require_same("dim", *(name for name in ("sparse_grad",) if name in call.node.arguments))
    shape = call.node.shape or ()
    dim = _dim(call, len(shape))
    table = _plain_but(call, "input", frozenset({dim}))
    index = plain(call.operand("index"))
    call.require(index[dim].is_identity, "the indices differ")
    for axis, (own, other) in enumerate(zip(table, index, strict=True)):
        if axis != dim and (len(own), own.num_parent) != (len(other), other.num_parent):
            raise Unproven("the indices are for a part of the table only")
    return tuple(
        index[dim] if axis == dim else own.agreeing_with(other)
        for axis, (own, other) in enumerate(zip(table, index, strict=True))
    )


def _structure_similarity(axes: NodeAxes) -> None:
    dim, rank = axes.node.arguments.get("dim", 1), axes.rank("x1")
    if not isinstance(dim, int) or rank != axes.rank("x2") or not rank:
        return
    kept = [axis for axis in range(rank) if axis != dim % rank]
    for place, axis in enumerate(kept):
        for operand in ("x1", "x2"):
            axes.tie(operand, axis, RESULT, place)
    axes.tie("x1", dim, "x2", dim)


def _relate_similarity(call: Call) -> Axes:
    """The cosine of an angle, along an axis that is the same: the others pass where both sides agree."""
    call.require_same("dim", "eps")
    sides = [call.operand(name) for name in ("x1", "x2")]
    rank = max(map(len, sides))
    dim = _dim(call, rank)
    sizes = [max(len(each[i]) for each in (aligned(side, rank) for side in sides)) for i in range(rank)]
    axes = same_entries(sides, sizes)
    call.require(axes[dim].is_identity, "the axis that is worked along differs")
    return tuple(axis for i, axis in enumerate(axes) if i != dim)


for _names, _rule in (
    (_REDUCING, OperatorRule(_structure_reducing, _relate_reducing)),
    (_REDUCING_PAIRS, OperatorRule(_structure_reducing, _relate_reducing_pair)),
    (_KEEPING, OperatorRule(_structure_keeping, _relate_keeping)),
    (_KEEPING_PAIRS, OperatorRule(_structure_keeping, _relate_keeping_pair)),
):
    register(*(f"aten.{name}" for name in _names), rule=_rule)
register(
    "aten.gather.default", "aten.take_along_dim.default", rule=OperatorRule(_structure_gather, _relate_gather)
)
register("aten.cosine_similarity.default", rule=OperatorRule(_structure_similarity, _relate_similarity))
