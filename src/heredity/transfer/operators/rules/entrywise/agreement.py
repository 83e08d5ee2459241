"""How several tensors that are broadcast against each other agree on which entry is which.

An operator that treats each entry by itself gives the parent's result where all of its operands are the
parent's entries of the same places. What comes in by broadcasting meets every entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from heredity.transfer.operators.relation import JUNK, ZERO, AxisRelation, Unproven, identity, total_factor

if TYPE_CHECKING:
    from collections.abc import Sequence

Axes = tuple[AxisRelation, ...]
_ONE = identity(1)


def aligned(axes: Sequence[AxisRelation], rank: int) -> Axes:
    """The axes with axes of one entry put before them, as broadcasting does."""
    return (_ONE,) * (rank - len(axes)) + tuple(axes)


def is_broadcast(axis: AxisRelation, size: int) -> bool:
    """Whether an axis of one entry meets every entry of a result's axis of this size."""
    return len(axis) == 1 and axis.num_parent == 1 and size != 1


def plain(axes: Sequence[AxisRelation]) -> Axes:
    """The axes with only those entries that are the parent's as they are; factors that cancel are none."""
    if total_factor(axes) == 1:
        axes = tuple(axis.unscaled() for axis in axes)
    return tuple(axis.without_means().with_unit_scales().with_zero_as_junk() for axis in axes)


def same_entries(operands: Sequence[Sequence[AxisRelation]], shape: Sequence[int]) -> Axes:
    """Where all operands of a function are the parent's entries of the same places; junk elsewhere.

    Args:
        operands: The relations of each operand's axes.
        shape: The result's shape.

    Raises:
        Unproven: Two operands have axes that do not fit.
    """
    sides = [aligned(plain(axes), len(shape)) for axes in operands]
    return tuple(_same_axis([side[i] for side in sides], size) for i, size in enumerate(shape))


def _same_axis(axes: Sequence[AxisRelation], size: int) -> AxisRelation:
    wide = [axis for axis in axes if not is_broadcast(axis, size)]
    is_known = all(axis.g[0] == 0 for axis in axes if is_broadcast(axis, size))
    found = wide[0]
    for axis in wide[1:]:
        _require_fit(found, axis)
        found = found.agreeing_with(axis)
    return found.where(np.full(size, is_known))


def agreed(a: AxisRelation, b: AxisRelation, size: int) -> AxisRelation:
    """Where two values, one of which is taken, are the same entry times the same factor, or both zero."""
    for one, wide in ((a, b), (b, a)):
        if is_broadcast(one, size):
            is_kept = (wide.g >= 0) & (one.g[0] == 0) & np.isclose(wide.s, one.s[0], rtol=1e-12, atol=0)
            return wide.where(is_kept | ((wide.g == ZERO) & (one.g[0] == ZERO)))
    _require_fit(a, b)
    return a.agreeing_with(b).without_means()


def chosen_by(condition: AxisRelation, value: AxisRelation, size: int) -> AxisRelation:
    """How a value relates of which a condition says where it is taken; zero is zero wherever it comes from.

    The condition holds no zeros (`plain`).
    """
    if is_broadcast(condition, size):
        return value.where((value.g == ZERO) | ((value.g >= 0) & (condition.g[0] == 0)))
    if is_broadcast(value, size):
        if value.g[0] != 0:
            return condition.where(np.zeros(size, dtype=bool), otherwise=ZERO if value.g[0] == ZERO else JUNK)
        return condition.times(float(value.s[0]))
    _require_fit(condition, value)
    return value.where((value.g == ZERO) | ((value.g >= 0) & (value.g == condition.g)))


def _require_fit(a: AxisRelation, b: AxisRelation) -> None:
    if (len(a), a.num_parent) != (len(b), b.num_parent):
        raise Unproven(f"entries {len(a)} and {len(b)} meet, in the parent {a.num_parent} and {b.num_parent}")
