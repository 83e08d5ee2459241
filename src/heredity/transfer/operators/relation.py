"""How a child's activation relates to one of its parent's: per axis a gather with scales.

Entry ``i`` of a child's axis of m entries is ``s[i]`` times entry ``g[i]`` of the parent's axis of n entries,
or zero, or junk: unknown, but finite. A tensor's relation is the product over its axes: an entry is junk if
any axis says junk there, else zero if any axis says zero. Copies, permutations, selections, scaled and padded
axes are all of this one type.
"""

from __future__ import annotations

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


@dataclass(frozen=True, eq=False)
class AxisRelation:
    """How the m entries of a child's axis come from the n entries of the parent's.

    Attributes:
        g: Which parent entry, or `JUNK`, or `ZERO`; shape (m,).
        s: The factor; 1 where there is no parent entry; shape (m,).
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

    def where(self, is_kept: NDArray[np.bool_], *, otherwise: int = JUNK) -> AxisRelation:
        """The relation with the entries that are not kept turned into junk, or zero."""
        return AxisRelation(
            np.where(is_kept, self.g, otherwise), np.where(is_kept, self.s, 1.0), self.num_parent
        )

    def with_zero_as_junk(self) -> AxisRelation:
        """The relation after an operator that does not map zero to zero."""
        return self.where(self.g != ZERO)

    def with_unit_scales(self) -> AxisRelation:
        """The relation with all scaled entries turned into junk."""
        return self.where((self.s == 1) | ~self.is_used)

    def agreeing_with(self, other: AxisRelation) -> AxisRelation:
        """The relation of a sum of two tensors: kept where both agree, junk elsewhere."""
        return self.where((self.g == other.g) & (self.s == other.s))


@lru_cache(maxsize=4096)
def identity(size: int) -> AxisRelation:
    """The relation of an axis that is the same in both networks."""
    return AxisRelation(np.arange(size), np.ones(size), size)


def gather(indices: Sequence[int], *, num_parent: int, scales: Sequence[float] | None = None) -> AxisRelation:
    """The relation with these indices (or `JUNK`, `ZERO`) and factors.

    Raises:
        ValueError: An index is not one of the parent's, a factor is zero or not finite.
    """
    g = np.asarray(indices, dtype=np.int64)
    s = np.ones(len(g)) if scales is None else np.asarray(scales, dtype=np.float64)
    if g.shape != s.shape or (g >= num_parent).any() or (g < ZERO).any():
        raise ValueError(f"expected {len(g)} factors and indices below {num_parent}, got {g} and {s}")
    if not np.isfinite(s).all() or (s == 0).any():
        raise ValueError("a factor is zero or not finite")
    return AxisRelation(g, np.where(g >= 0, s, 1.0), num_parent)


def flattened(axes: Sequence[AxisRelation]) -> AxisRelation:
    """The relation of one axis into which several are flattened, row by row."""
    result = axes[0]
    for axis in axes[1:]:
        g = result.g[:, None] * axis.num_parent + axis.g[None, :]
        s = result.s[:, None] * axis.s[None, :]
        is_zero = (result.g[:, None] == ZERO) | (axis.g[None, :] == ZERO)
        is_junk = (result.g[:, None] == JUNK) | (axis.g[None, :] == JUNK)
        g = np.where(is_junk, JUNK, np.where(is_zero, ZERO, g))
        s = np.where(g >= 0, s, 1.0)
        result = AxisRelation(g.reshape(-1), s.reshape(-1), result.num_parent * axis.num_parent)
    return result


@dataclass(frozen=True, eq=False)
class Related:
    """A child's value equals a relation applied to the value of a node of the parent, for equal inputs.

    Attributes:
        parent: The parent's node.
        axes: One relation for each axis.
        taint: Empty if this is proven; else why it is only assumed.
    """

    parent: str
    axes: tuple[AxisRelation, ...]
    taint: str = ""


@dataclass(frozen=True)
class Zero:
    """Every entry of a child's value is zero."""


@dataclass(frozen=True)
class Junk:
    """Nothing is known of a child's value, for this reason, but that it is finite."""

    reason: str


Value = Related | Zero | Junk


class Unproven(Exception):
    """A rule cannot say how a value relates to the parent's. It never leaves this package."""
