"""Rules for operators that move, pool and regroup entries: pooling, the mean over places, flattening."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.graph import Ref
from heredity.transfer.operators.affine import require_identity
from heredity.transfer.operators.axes import RESULT, NodeAxes
from heredity.transfer.operators.call import Call, InsertedCall
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import AxisRelation, Unproven, Value, Zero, flattened, identity

if TYPE_CHECKING:
    from collections.abc import Iterator

    Group = tuple[list[int], list[int]]


def _insert_zero(call: InsertedCall) -> Value:
    """What maps zero to zero passes a branch that is zero."""
    value = call.operand("input")
    if isinstance(value, Zero):
        return value
    raise Unproven(f"a new {call.node.target} changes what comes in")


def _structure_pool(axes: NodeAxes) -> None:
    axes.tie("input", -3, RESULT, -3)
    if axes.rank(RESULT) == 4:
        axes.tie("input", 0, RESULT, 0)


def _relate_pool(call: Call) -> tuple[AxisRelation, ...]:
    """Input (B)CHW: each channel by itself, so channels pass; places have to be the same."""
    call.require_same(*(name for name in call.node.arguments if name != "input"))
    axes = call.operand("input")
    channel = len(axes) - 3
    require_identity(call, axes, but=channel)
    passed = axes[channel]
    if call.node.target == "aten.max_pool2d.default":
        passed = passed.where((passed.s > 0) | ~passed.is_used)  # max(s x) = s max(x) for s > 0 only
    sizes = call.node.shape or ()
    return tuple(passed if axis == channel else identity(size) for axis, size in enumerate(sizes))


def _reduced_axes(node_arguments: object, rank: int) -> frozenset[int]:
    if not isinstance(node_arguments, tuple) or not node_arguments:
        return frozenset(range(rank))
    return frozenset(axis % rank for axis in node_arguments if isinstance(axis, int))


def _structure_mean(axes: NodeAxes) -> None:
    rank = axes.rank("input")
    reduced = _reduced_axes(axes.node.arguments["dim"], rank)
    kept = [axis for axis in range(rank) if axis not in reduced]
    for place, axis in enumerate(kept):
        axes.tie("input", axis, RESULT, axis if axes.node.arguments["keepdim"] else place)


def _relate_mean(call: Call) -> tuple[AxisRelation, ...]:
    """The axes that the mean is taken over have to be the same; all others pass."""
    call.require_same("keepdim", "dtype")
    axes = call.operand("input")
    reduced = _reduced_axes(call.argument("dim"), len(axes))
    in_parent = _reduced_axes(call.partner.arguments.get("dim"), len(axes))
    call.require(reduced == in_parent, "the mean is taken over other axes")
    call.require(
        all(axes[axis].is_identity for axis in reduced), "an axis that the mean is taken over differs"
    )
    if call.argument("keepdim"):
        return tuple(identity(1) if i in reduced else axis for i, axis in enumerate(axes))
    return tuple(axis for i, axis in enumerate(axes) if i not in reduced)


def _groups(before: tuple[int, ...], after: tuple[int, ...]) -> Iterator[Group]:
    """Cut two shapes of equally many entries into the smallest groups of axes with equal products."""
    i = j = 0
    ours: list[int] = []
    theirs: list[int] = []
    left = right = 1
    while i < len(before) or j < len(after):
        if i < len(before) and (left <= right or j == len(after)):
            ours.append(i)
            left *= before[i]
            i += 1
        else:
            theirs.append(j)
            right *= after[j]
            j += 1
        if left == right and ours and theirs:
            yield ours, theirs
            ours, theirs, left, right = [], [], 1, 1
    if ours or theirs:
        yield ours, theirs  # axes of one entry, which the other shape does not have


def _structure_reshape(axes: NodeAxes) -> None:
    operand = axes.node.arguments["input"]
    if not isinstance(operand, Ref):
        return
    for ours, theirs in _groups(axes.graph[operand.name].shape or (), axes.node.shape or ()):
        if len(ours) >= 1 and len(theirs) == 1:
            # Channels and places flattened into one: where there is one place, it is the channels' axis.
            wide = [axis for axis in ours if (axes.graph[operand.name].shape or ())[axis] != 1]
            if len(wide) == 1:
                axes.tie("input", wide[0], RESULT, theirs[0])


def _relate_reshape(call: Call) -> tuple[AxisRelation, ...]:
    """Entries stay in order (row by row); axes that are joined relate by the product of their relations.

    An axis that is taken apart has to be the same in both networks. The sizes that the operator is called
    with are not compared: they follow from the widths.
    """
    axes = call.operand("input")
    before = tuple(len(axis) for axis in axes), tuple(axis.num_parent for axis in axes)
    after = call.node.shape or (), call.partner.shape or ()
    groups = list(_groups(before[0], after[0]))
    if groups != list(_groups(before[1], after[1])):
        raise Unproven(f"the axes are regrouped to {after[0]}, in the parent to {after[1]}")
    result: dict[int, AxisRelation] = {}
    for ours, theirs in groups:
        joined = flattened([axes[axis] for axis in ours]) if ours else identity(1)
        wide = [axis for axis in theirs if after[0][axis] != 1 or after[1][axis] != 1]
        result |= {axis: identity(1) for axis in theirs}
        if len(wide) == 1:
            result[wide[0]] = joined
        elif not joined.is_identity or any(after[0][axis] != after[1][axis] for axis in wide):
            raise Unproven("an axis that changes is taken apart")
        else:
            result |= {axis: identity(after[0][axis]) for axis in wide}
    return tuple(result[axis] for axis in range(len(after[0])))


register(
    "aten.max_pool2d.default",
    "aten.avg_pool2d.default",
    "aten.adaptive_avg_pool2d.default",
    rule=OperatorRule(_structure_pool, _relate_pool, _insert_zero),
)
register("aten.mean.dim", rule=OperatorRule(_structure_mean, _relate_mean, _insert_zero))
register(
    "aten.flatten.using_ints",
    "aten.view.default",
    "aten.reshape.default",
    rule=OperatorRule(_structure_reshape, _relate_reshape, _insert_zero),
)
