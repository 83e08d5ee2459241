"""Rules for entries that are repeated one by one, as keys that several queries share, or all in turn."""

from __future__ import annotations

import numpy as np

from heredity.graph import Argument, Node
from heredity.transfer.operators.arguments import text
from heredity.transfer.operators.atoms import Atom
from heredity.transfer.operators.axes import RESULT, NodeAxes
from heredity.transfer.operators.call import Call, InsertedCall
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import (
    AxisRelation,
    Related,
    Unproven,
    Value,
    Zero,
    factored,
    flattened,
)
from heredity.transfer.operators.rules.entrywise.agreement import aligned


def _numbers(repeats: Argument, dim: Argument, rank: int) -> tuple[int, int]:
    """How often each entry is repeated, and along which axis.

    Raises:
        Unproven: All axes are flattened before.
    """
    if not isinstance(repeats, int) or not isinstance(dim, int) or repeats < 1:
        raise Unproven(f"entries are repeated {repeats} times along axis {dim}")
    return repeats, dim % rank


def _structure(axes: NodeAxes) -> None:
    """An axis becomes its entries times the repeats."""
    operand, dim = axes.operand("input"), axes.node.arguments.get("dim")
    repeats, in_parent = axes.node.arguments.get("repeats"), axes.argument_in_parent("repeats")
    is_known = isinstance(dim, int) and isinstance(repeats, int) and isinstance(in_parent, int)
    if operand is None or not isinstance(dim, int) or not isinstance(repeats, int) or not is_known:
        return
    if axes.node.name not in axes.partners:
        in_parent = 1
    rank = axes.rank("input")
    for axis in range(rank):
        if axis != dim % rank:
            axes.tie("input", axis, RESULT, axis)
    before = axes.atoms.of((operand.name, dim % rank))
    repeated = Atom(in_parent if isinstance(in_parent, int) else None, repeats)
    axes.atoms.replace((axes.node.name, dim % rank), (*before, repeated))


def _relate(call: Call) -> tuple[AxisRelation, ...]:
    """All repeats of an entry are alike, so that each is any of the parent's: those that are proposed."""
    call.require_same("dim")
    axes = list(call.operand("input"))
    ours, dim = _numbers(call.argument("repeats"), call.argument("dim"), len(axes))
    theirs, _ = _numbers(call.argument_in_parent("repeats"), call.argument("dim"), len(axes))
    proposed = call.proposal()[dim]
    axis = axes[dim]
    parts = factored(proposed, ours=(len(axis), ours), theirs=(axis.num_parent, theirs))
    chosen = np.arange(ours) % theirs if parts is None else np.maximum(parts[1].g, 0)
    axes[dim] = flattened([axis, AxisRelation(chosen, np.ones(ours), theirs)])
    return tuple(axes)


def _insert(call: InsertedCall) -> Value:
    """Several queries begin to share what one had: each of the new entries is the one that is repeated."""
    value = call.operand("input")
    if isinstance(value, Zero):
        return value
    if not isinstance(value, Related):
        raise Unproven("what comes in is not known")
    axes = list(value.axes)
    arguments = call.node.arguments
    repeats, dim = _numbers(arguments.get("repeats"), arguments.get("dim"), len(axes))
    axes[dim] = axes[dim].taken(np.arange(len(axes[dim])).repeat(repeats))
    return Related(value.parent, tuple(axes), value.taint, value.training_taint)


def _times(node: Node | None, rank: int) -> tuple[int, ...]:
    """How often a tensor is put beside itself along each axis, new ones first; none if that is not known."""
    given = None if node is None else node.arguments.get("repeats")
    times = tuple(each for each in given if isinstance(each, int)) if isinstance(given, tuple) else ()
    return times if len(times) >= rank else ()


def _structure_tiles(axes: NodeAxes) -> None:
    """An axis becomes the repeats times its entries."""
    operand, rank = axes.operand("input"), axes.rank("input")
    partner = axes.partners.get(axes.node.name)
    ours = _times(axes.node, rank)
    theirs = _times(axes.parent[partner] if partner is not None else axes.node, rank)
    if operand is None or not ours or not theirs:
        return
    new = len(ours) - rank
    for axis, (m, n) in enumerate(zip(ours, theirs, strict=False)):
        before = axes.atoms.of((operand.name, axis - new)) if axis >= new else ()
        repeated = () if m == n == 1 else (Atom(n, m),)
        axes.atoms.replace((axes.node.name, axis), (*repeated, *before))


def _relate_tiles(call: Call) -> tuple[AxisRelation, ...]:
    """As often as in the parent, or so that each repeat, all being alike, is any of the parent's."""
    axes = call.operand("input")
    ours, theirs = _times(call.node, len(axes)), _times(call.partner, len(axes))
    if not ours or len(ours) != len(theirs) or 0 in theirs:
        raise Unproven(f"{text(call.argument('repeats'))} repeats, of a tensor with {len(axes)} axes")
    return tuple(
        flattened([AxisRelation(np.arange(m) % n, np.ones(m), n), axis])
        for m, n, axis in zip(ours, theirs, aligned(axes, len(ours)), strict=True)
    )


register("aten.repeat.default", rule=OperatorRule(_structure_tiles, _relate_tiles, keeps_zero=True))
register("aten.repeat_interleave.self_int", rule=OperatorRule(_structure, _relate, _insert, keeps_zero=True))
