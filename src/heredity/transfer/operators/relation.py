"""How a child's activation relates to one of its parent's: per axis a gather with scales.

Entry ``i`` of a child's axis of m entries is ``s[i]`` times entry ``g[i]`` of the parent's axis of n entries,
or zero, or ``s[i]`` times the mean over the parent's whole axis, or junk: unknown, but finite. A tensor's
relation is the product over its axes: an entry is junk if any axis says junk there, else zero if any axis
says zero. Copies, permutations, selections, scaled and padded axes are all of this one type.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Indices = NDArray[np.int64]
    Scales = NDArray[np.float64]

JUNK = -1
"""Marks an entry of which nothing is known but that it is finite."""

ZERO = -2
"""Marks an entry that is zero."""

MEAN = -3
"""Marks an entry that is the mean over the parent's axis, times its factor."""

_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class AxisRelation:
    """How the m entries of a child's axis come from the n entries of the parent's.

    Attributes:
        g: Which parent entry, or `JUNK`, `ZERO`, `MEAN`; shape (m,).
        s: The factor; 1 for junk and zero; shape (m,).
        num_parent: n, the length of the parent's axis.
    """

    g: Indices
    s: Scales
    num_parent: int

    def __len__(self) -> int:
        return len(self.g)

    @property
    def is_used(self) -> NDArray[np.bool_]:
        """Where there is a parent entry; shape (m,)."""
        return self.g >= 0

    @property
    def is_identity(self) -> bool:
        """Whether each entry equals the parent's entry at the same place."""
        return self is identity(len(self)) or (
            len(self) == self.num_parent
            and bool((self.g == np.arange(len(self))).all())
            and bool((self.s == 1).all())
        )

    @property
    def counts(self) -> Indices:
        """How many entries each parent entry has in the child; shape (n,)."""
        return np.bincount(self.g[self.is_used], minlength=self.num_parent)

    @property
    def factor(self) -> float:
        """The factor that all entries which come from the parent share; NaN if they do not share one."""
        used = self.s[(self.g >= 0) | (self.g == MEAN)]
        if not len(used):
            return 1.0
        return float(used[0]) if is_close(used, used[0]) else math.nan

    def has(self, *kinds: int) -> bool:
        """Whether any entry is of one of these kinds: `JUNK`, `ZERO`, `MEAN`."""
        return bool(np.isin(self.g, kinds).any())

    def where(self, is_kept: NDArray[np.bool_], *, otherwise: int = JUNK) -> AxisRelation:
        """The relation with the entries that are not kept turned into junk, or zero."""
        if is_kept.all():
            return self
        return AxisRelation(
            np.where(is_kept, self.g, otherwise), np.where(is_kept, self.s, 1.0), self.num_parent
        )

    def with_zero_as_junk(self) -> AxisRelation:
        """The relation after an operator that does not map zero to zero."""
        return self.where(self.g != ZERO)

    def without_means(self) -> AxisRelation:
        """The relation after an operator that the mean does not pass through."""
        return self.where(self.g != MEAN)

    def with_unit_scales(self) -> AxisRelation:
        """The relation with all scaled entries turned into junk."""
        return self.where((self.s == 1) | (self.g == ZERO) | (self.g == JUNK))

    def with_positive_scales(self) -> AxisRelation:
        """The relation with all entries of a negative factor turned into junk."""
        return self.where(self.s > 0)

    def unscaled(self) -> AxisRelation:
        """The relation with all factors 1."""
        return AxisRelation(self.g, np.ones(len(self)), self.num_parent)

    def times(self, factor: float | Scales) -> AxisRelation:
        """The relation of a multiple, of one factor or of one for each entry; none is zero."""
        has_factor = (self.g >= 0) | (self.g == MEAN)
        return AxisRelation(self.g, np.where(has_factor, snapped(self.s * factor), 1.0), self.num_parent)

    def agreeing_with(self, other: AxisRelation) -> AxisRelation:
        """The relation of a sum of two tensors: kept where both agree, junk elsewhere."""
        return self.where((self.g == other.g) & np.isclose(self.s, other.s, rtol=_ROUNDING, atol=0))

    def taken(self, indices: Indices) -> AxisRelation:
        """The relation of these entries of the child's axis, the parent's axis being the same."""
        return AxisRelation(self.g[indices], self.s[indices], self.num_parent)


def snapped(factors: Scales) -> Scales:
    """Factors that are 1 but for rounding become 1."""
    return np.where(np.isclose(factors, 1.0, rtol=_ROUNDING, atol=0), 1.0, factors)


def is_close(a: float | NDArray[np.generic], b: float | NDArray[np.generic]) -> bool:
    """Whether factors are equal but for rounding."""
    return bool(np.allclose(a, b, rtol=_ROUNDING, atol=0))


@lru_cache(maxsize=4096)
def identity(size: int) -> AxisRelation:
    """The relation of an axis that is the same in both networks."""
    return AxisRelation(np.arange(size), np.ones(size), size)


def gather(indices: Sequence[int], *, num_parent: int, scales: Sequence[float] | None = None) -> AxisRelation:
    """The relation with these indices (or `JUNK`, `ZERO`, `MEAN`) and factors.

    Raises:
        ValueError: An index is not one of the parent's, a factor is zero or not finite.
    """
    g = np.asarray(indices, dtype=np.int64)
    s = np.ones(len(g)) if scales is None else np.asarray(scales, dtype=np.float64)
    if g.shape != s.shape or (g >= num_parent).any() or (g < MEAN).any():
        raise ValueError(f"expected {len(g)} factors and indices below {num_parent}, got {g} and {s}")
    if not np.isfinite(s).all() or (s == 0).any():
        raise ValueError("a factor is zero or not finite")
    return AxisRelation(g, np.where((g == JUNK) | (g == ZERO), 1.0, s), num_parent)


def flattened(axes: Sequence[AxisRelation]) -> AxisRelation:
    """The relation of one axis into which several are flattened, row by row."""
    wide = [axis for axis in axes if len(axis) != 1 or not axis.is_identity]
    if not wide:
        return identity(1)
    if all(axis.is_identity for axis in wide):
        return identity(math.prod(len(axis) for axis in wide))
    result = wide[0] if len(wide) == 1 else wide[0].without_means()
    for axis in wide[1:]:
        result = _product(result, axis.without_means())
    return result


def _product(outer: AxisRelation, inner: AxisRelation) -> AxisRelation:
    a, b = outer.g[:, None], inner.g[None, :]
    is_zero, is_junk = (a == ZERO) | (b == ZERO), (a == JUNK) | (b == JUNK)
    g = np.where(is_junk, JUNK, np.where(is_zero, ZERO, a * inner.num_parent + b)).reshape(-1)
    s = (outer.s[:, None] * inner.s[None, :]).reshape(-1)
    return AxisRelation(g, np.where(g >= 0, s, 1.0), outer.num_parent * inner.num_parent)


def with_factor_on(axes: Sequence[AxisRelation], axis: int) -> list[AxisRelation]:
    """The same relation with the factors that whole other axes share moved to one axis."""
    moved = list(axes)
    for i, each in enumerate(axes):
        if i != axis % len(axes) and each.factor != 1 and not math.isnan(each.factor):
            moved[i] = each.unscaled()
            moved[axis] = moved[axis].times(each.factor)
    return moved


def total_factor(axes: Sequence[AxisRelation]) -> float:
    """The factor that all entries of a tensor share; NaN if they do not share one."""
    return math.prod(axis.factor for axis in axes)


def concatenated(axes: Sequence[AxisRelation]) -> AxisRelation:
    """The relation of one axis that several make up one after the other."""
    if all(axis.is_identity for axis in axes):
        return identity(sum(len(axis) for axis in axes))
    axes = [axis.without_means() for axis in axes] if len(axes) > 1 else axes
    offsets = np.cumsum([0, *(axis.num_parent for axis in axes)])
    g = [np.where(axis.g >= 0, axis.g + offset, axis.g) for axis, offset in zip(axes, offsets, strict=False)]
    return AxisRelation(np.concatenate(g), np.concatenate([axis.s for axis in axes]), int(offsets[-1]))


def piece(axis: AxisRelation, *, ours: tuple[int, int], theirs: tuple[int, int]) -> AxisRelation:
    """The relation of the part ``start .. stop`` of an axis: what comes from outside the parent's is junk."""
    g, s = axis.g[slice(*ours)], axis.s[slice(*ours)]
    is_inside = (g >= theirs[0]) & (g < theirs[1])
    g = np.where(g >= 0, np.where(is_inside, g - theirs[0], JUNK), g)
    whole_axis = theirs == (0, axis.num_parent)
    g = g if whole_axis else np.where(g == MEAN, JUNK, g)
    return AxisRelation(g, np.where((g >= 0) | (g == MEAN), s, 1.0), theirs[1] - theirs[0])


def factored(
    axis: AxisRelation, *, ours: Sequence[int], theirs: Sequence[int]
) -> tuple[AxisRelation, ...] | None:
    """Take an axis apart into axes of these lengths, row by row; None if its relation is no product."""
    if axis.is_identity and list(ours) == list(theirs):
        return tuple(map(identity, ours))
    if len(ours) == 1:
        return (axis,)
    halves = _halved(axis, num_child=math.prod(ours[1:]), num_parent=math.prod(theirs[1:]))
    if halves is None:
        return None
    rest = factored(halves[1], ours=ours[1:], theirs=theirs[1:])
    return None if rest is None else (halves[0], *rest)


def _halved(
    axis: AxisRelation, *, num_child: int, num_parent: int
) -> tuple[AxisRelation, AxisRelation] | None:
    """An axis as outer times inner, the inner one of these lengths."""
    if axis.has(MEAN):
        return None
    g, s = axis.g.reshape(-1, num_child), axis.s.reshape(-1, num_child)
    is_used = g >= 0
    # A row and a column that show most of what there is; the product of both is then compared with all.
    row, column = int(is_used.sum(1).argmax()), int(is_used.sum(0).argmax())
    if not is_used[row, column]:
        return None
    inner = _part(g[row], s[row] / s[row, column], num_parent, modulo=True)
    outer = _part(g[:, column], s[:, column], num_parent, modulo=False)
    num_outer = axis.num_parent // num_parent
    halves = AxisRelation(*outer, num_outer), AxisRelation(*inner, num_parent)
    product = _product(*halves)
    is_same = bool((product.g == axis.g).all()) and is_close(product.s, axis.s)
    return halves if is_same else None


def _part(g: Indices, s: Scales, num_inner: int, *, modulo: bool) -> tuple[Indices, Scales]:
    index = g % num_inner if modulo else g // num_inner
    return np.where(g >= 0, index, g), np.where(g >= 0, s, 1.0)


@dataclass(frozen=True, eq=False)
class Related:
    """A child's value equals a relation applied to the value of a node of the parent, for equal inputs.

    Attributes:
        parent: The parent's node.
        axes: One relation for each axis.
        taint: Empty if this is proven in eval mode; else why it is only assumed.
        training_taint: The same for train mode.
    """

    parent: str
    axes: tuple[AxisRelation, ...]
    taint: str = ""
    training_taint: str = ""


@dataclass(frozen=True)
class Zero:
    """Every entry of a child's value is zero."""


@dataclass(frozen=True)
class Junk:
    """Nothing is known of a child's value, for this reason, but that it is finite.

    Attributes:
        reason: Why.
        regrouped: If this is there, the value holds its entries in their order, in another shape than the
            parent has here: a new operator has put them into it.
    """

    reason: str
    regrouped: Related | None = None


@dataclass(frozen=True, eq=False)
class Several:
    """A child's value is a list of tensors, as a split returns it, each of which relates to one of a list.

    Attributes:
        parent: The parent's node, whose value is a list as well.
        parts: For each tensor one relation for each axis.
        taint: Empty if this is proven in eval mode; else why it is only assumed.
        training_taint: The same for train mode.
    """

    parent: str
    parts: tuple[tuple[AxisRelation, ...], ...]
    taint: str = ""
    training_taint: str = ""


Value = Related | Zero | Junk | Several


class Unproven(Exception):
    """A rule cannot say how a value relates to the parent's. It never leaves this package."""
