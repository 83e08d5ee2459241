"""Rules for activations with a gate, a slope of their own, or a number as the base of a power."""

from __future__ import annotations

from heredity.transfer.operators.atoms import Atom
from heredity.transfer.operators.axes import RESULT, NodeAxes
from heredity.transfer.operators.call import Call
from heredity.transfer.operators.maps import rows
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import ZERO, AxisRelation, Unproven, piece, with_factor_on
from heredity.transfer.operators.rules.entrywise.agreement import plain
from heredity.transfer.plans.plan import FRESH_ENTRY

Axes = tuple[AxisRelation, ...]


def _gated_axis(call: Call, rank: int) -> int:
    dim = call.argument("dim")
    return (dim if isinstance(dim, int) else -1) % rank


def _structure_glu(axes: NodeAxes) -> None:
    rank = axes.rank("input")
    dim = axes.node.arguments.get("dim")
    dim = (dim if isinstance(dim, int) else -1) % max(rank, 1)
    operand, half = axes.operand("input"), axes.axis(RESULT, dim)
    if operand is not None and half is not None:
        axes.atoms.replace((operand.name, dim), (Atom(2, 2), *half))
    for axis in range(rank):
        if axis != dim:
            axes.tie("input", axis, RESULT, axis)


def _relate_glu(call: Call) -> Axes:
    """The first half of an axis times the sigmoid of the second: both have to be the same entries.

    Where the first half is zero, so is the result, whatever the gate.
    """
    call.require_same("dim")
    axes = call.operand("input")
    dim = _gated_axis(call, len(axes))
    axes = tuple(axis.without_means() for axis in with_factor_on(axes, dim))
    both = axes[dim]
    m, n = len(both) // 2, both.num_parent // 2
    value = piece(both, ours=(0, m), theirs=(0, n))
    gate = piece(both, ours=(m, 2 * m), theirs=(n, 2 * n))
    is_same = (value.g == gate.g) & (value.g >= 0) & (gate.s == 1)
    passed = value.where(is_same | (value.g == ZERO))
    return tuple(passed if i == dim else axis.with_unit_scales() for i, axis in enumerate(axes))


def _structure_prelu(axes: NodeAxes) -> None:
    axes.tie_all("input")
    axes.tie("weight", 0, RESULT, 1)


def _relate_prelu(call: Call) -> Axes:
    """A slope for each channel, or one for all: a positive factor passes, as through a ReLU."""
    axes = tuple(axis.without_means().with_positive_scales() for axis in call.operand("input"))
    ours, theirs = call.shapes("weight")
    if ours == theirs == (1,):
        call.require(all(axis.is_identity for axis in call.operand("weight")), "the slope differs")
        return axes
    if len(axes) < 2 or (ours, theirs) != ((len(axes[1]),), (axes[1].num_parent,)):
        raise Unproven(f"there are {ours} slopes, in the parent {theirs}")
    if call.is_tensor("weight"):
        call.assign("weight", rows(axes[1].unscaled(), zero=FRESH_ENTRY))
        return axes
    slopes = plain(call.operand("weight"))[0]
    passed = axes[1].where((axes[1].g == slopes.g) | (axes[1].g == ZERO))
    return (axes[0], passed, *axes[2:])


def _structure_exponent(axes: NodeAxes) -> None:
    axes.tie_all("exponent")


def _relate_exponent(call: Call) -> Axes:
    """A number to the power of each entry."""
    call.require_same("input")
    base = call.argument("input")
    if not isinstance(base, int | float) or base <= 0:
        raise Unproven(f"powers of {base}")
    return plain(call.operand("exponent"))


register("aten.glu.default", rule=OperatorRule(_structure_glu, _relate_glu, keeps_zero=True))
register("aten.prelu.default", rule=OperatorRule(_structure_prelu, _relate_prelu, keeps_zero=True))
register("aten.pow.Scalar", rule=OperatorRule(_structure_exponent, _relate_exponent))
