"""The rule for entries that are repeated one by one, as keys and values are that several queries share."""

from __future__ import annotations

import numpy as np

from heredity.graph import Argument
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


register("aten.repeat_interleave.self_int", rule=OperatorRule(_structure, _relate, _insert, keeps_zero=True))
