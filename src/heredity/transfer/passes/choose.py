"""Which entries of the parent each atom takes: the policy, which decides what is grown and how."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from heredity.transfer.operators.atoms import Atom, AxisAtoms, Use, expanded
from heredity.transfer.operators.relation import (
    JUNK,
    MEAN,
    ZERO,
    AxisRelation,
    concatenated,
    flattened,
    gather,
    identity,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from heredity.graph import Graph
    from heredity.transfer.operators.atoms import Axis, Place
    from heredity.transfer.operators.relation import Scales
    from heredity.transfer.passes.align import Alignment

    Kept = Mapping[int, Sequence[int]]
    """Which of the parent's entries an atom that shrinks keeps, by the atom's identity."""

    Keep = Callable[[Graph, Graph, Alignment, AxisAtoms], Kept]
    """Decides what is kept: given the parent, the child, what stands for what, and the atoms."""

Growth = Literal["copy", "fresh"]
"""How what is new comes about where the proof leaves a choice: as copies of what is there, or freely."""


@dataclass(frozen=True)
class AxisMaps:
    """The relation that is proposed for each axis of the child.

    Attributes:
        atoms: The atoms of each axis.
        chosen: The relation for each atom that is neither taken apart nor made of pieces, by its identity.
        factors: What the results of some of the child's operators are multiplied by, so that a proof goes on.
    """

    atoms: AxisAtoms
    chosen: Mapping[int, AxisRelation]
    factors: Mapping[str, Scales] = field(default_factory=dict)

    def of(self, place: Place, *, num_parent: int, num_child: int) -> AxisRelation:
        """The relation that is proposed for an axis of these lengths."""
        relation = self._of_axis(self.atoms.of(place))
        if relation is None or (relation.num_parent, len(relation)) != (num_parent, num_child):
            return default_relation(num_parent, num_child)
        return relation

    def times(self, factors: Mapping[str, Scales]) -> AxisMaps:
        """The proposal with the results of some operators multiplied further, along their last axis."""
        both = {name: self.factors.get(name, 1.0) * factor for name, factor in factors.items()}
        return replace(self, factors={**self.factors, **both})

    def factor_of(self, node: str) -> float:
        """What the whole result of an operator is multiplied by."""
        factors = self.factors.get(node)
        return 1.0 if factors is None else float(factors[0])

    def _of_axis(self, axis: Axis) -> AxisRelation | None:
        parts = [self._of_atom(atom) for atom in expanded(axis)]
        known = [part for part in parts if part is not None]
        return flattened(known) if len(known) == len(parts) else None  # of no atoms: one entry in both

    def _of_atom(self, atom: Atom) -> AxisRelation | None:
        pieces = [self._of_axis(piece) for piece in atom.pieces]
        known = [piece for piece in pieces if piece is not None]
        whole = concatenated(known) if pieces and len(known) == len(pieces) else self.chosen.get(id(atom))
        if whole is not None and (whole.num_parent, len(whole)) == (atom.num_parent, atom.num_child):
            return whole
        return self.chosen.get(id(atom))


def choose(atoms: AxisAtoms, *, growth: Growth = "fresh", kept: Kept | None = None) -> AxisMaps:
    """Choose the relation of each atom; an atom that the parent does not have is junk all over.

    Args:
        atoms: The atoms of all axes.
        growth: How to grow where any way is exact.
        kept: What atoms that shrink keep; of others, the first entries.
    """
    selected = kept or {}
    return AxisMaps(
        atoms,
        {
            id(atom): _chosen(atom, growth)
            if id(atom) not in selected
            else gather(selected[id(atom)], num_parent=atom.num_parent or 0)
            for atom in atoms.leaves()
        },
    )


def _chosen(atom: Atom, growth: Growth) -> AxisRelation:
    n, m = atom.num_parent or 0, atom.num_child
    if n == 0 or n >= m:
        return default_relation(n, m)
    for use, grow in _GROWTHS.items():
        if use in atom.uses:
            return grow(n, m)
    if atom.uses & {Use.SUMMED, Use.SUMMED_WITH}:
        return _grown_sum(atom, growth)
    return copies(n, m) if growth == "copy" else default_relation(n, m)


def _grown_sum(atom: Atom, growth: Growth) -> AxisRelation:
    """Queries and keys: copies on both sides, or queries that are new and keys that are zero.

    A key that is zero gets a gradient from its query in the first step.
    """
    n, m = atom.num_parent or 0, atom.num_child
    is_both = {Use.SUMMED, Use.SUMMED_WITH} <= atom.uses
    if m % n == 0 and (growth == "copy" or is_both):
        return copies(n, m)
    grown = default_relation(n, m)
    return grown if Use.SUMMED_WITH not in atom.uses else grown.where(grown.g != JUNK, otherwise=ZERO)


def default_relation(num_parent: int, num_child: int) -> AxisRelation:
    """Keep what is there; when growing, "fresh in, zero out"; when shrinking, the first entries.

    Growing: the entries that the parent has, then junk. The producers of a new entry keep the child's own
        random weights, its consumers get zero columns (network morphism: Wei et al., 2016, arXiv:1603.01670).
        The other way round, zero rows before a ReLU, would be dead for ever: the new unit is 0, torch takes
        relu'(0) = 0, and so neither side ever gets a gradient. Here the new unit is alive from the start, and
        its zero columns get gradients in the first step.
    """
    if num_parent == num_child:
        return identity(num_child)
    kept = list(range(min(num_parent, num_child)))
    return gather(kept + [JUNK] * (num_child - len(kept)), num_parent=num_parent)


def copies(num_parent: int, num_child: int) -> AxisRelation:
    """Each entry again and again, in turn (Net2Net: Chen et al., 2016, arXiv:1511.05641)."""
    return AxisRelation(np.arange(num_child) % num_parent, np.ones(num_child), num_parent)


def padded_with_means(num_parent: int, num_child: int) -> AxisRelation:
    """Equally many copies of each entry, then the mean of all, scaled so that the variance stays.

    LEMON (Wang et al., 2024, arXiv:2310.07999) pads with means and changes the norm's epsilon; the factor
    sqrt(m / k n) leaves it as it is.
    """
    times, rest = divmod(num_child, num_parent)
    g = np.concatenate([np.tile(np.arange(num_parent), times), np.full(rest, MEAN)])
    factor = math.sqrt(num_child / (times * num_parent)) if rest else 1.0
    return AxisRelation(g, np.full(num_child, factor), num_parent)


def with_zeros(num_parent: int, num_child: int) -> AxisRelation:
    """Zeros behind what is there, which leave a sum of squares as it is."""
    grown = default_relation(num_parent, num_child)
    return grown.where(grown.g != JUNK, otherwise=ZERO)


def padded_with_zeros(num_parent: int, num_child: int) -> AxisRelation:
    """Copies if all entries get equally many; else zeros, and a factor that keeps the mean square."""
    if num_child % num_parent == 0:
        return copies(num_parent, num_child)
    g = np.concatenate([np.arange(num_parent), np.full(num_child - num_parent, ZERO)])
    factor = math.sqrt(num_child / num_parent)
    return AxisRelation(g, np.where(g >= 0, factor, 1.0), num_parent)


_GROWTHS: dict[Use, Callable[[int, int], AxisRelation]] = {
    Use.TABLE: default_relation,
    Use.GROUPED: copies,
    Use.STANDARDIZED: padded_with_means,
    Use.AVERAGED: padded_with_zeros,
    Use.NORMED: with_zeros,
}
