"""Axes as products and concatenations of atoms, and which atoms of the two networks belong together.

Axes that must be treated alike (a layer's output, the next one's input, all that a residual stream touches)
share their atoms: union-find, over both networks at once, each atom having a length in the parent and one in
the child. Heads times the width of a head are two atoms of one axis; what is concatenated or split is an atom
with pieces. What comes out is a proposal: a mistake costs exactness, not truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Place = tuple[str, int]
"""A node of the child, and the number of one of its axes."""


class Use(StrEnum):
    """What happens to the entries of an axis, as far as it limits how they may grow."""

    STANDARDIZED = "standardized"
    """Mean and variance are taken over it, as layer normalization does: all entries have to be known."""

    AVERAGED = "averaged"
    """A mean or a mean of squares is taken over it: what is new has to be zero, or copies."""

    SUMMED = "summed"
    """Products with another activation are summed over it, as queries are with keys: what is new has to meet
    zero, or copies."""

    SUMMED_WITH = "summed with"
    """It is what something is summed with, as keys are: what is new has to be zero, or copies."""

    TABLE = "table"
    """It is looked up by index: entries keep their numbers, what is new comes behind them."""

    NORMED = "normed"
    """A norm is taken over it: what is new has to be zero."""

    GROUPED = "grouped"
    """Its entries are groups that statistics are taken within: they cannot change but as whole copies."""


@dataclass(eq=False)
class Atom:
    """A part of an axis that is treated as one.

    Attributes:
        num_parent: Its length in the parent; None if the parent has nothing like it.
        num_child: Its length in the child.
        factors: The atoms that it is the product of, outermost first; empty if it is not taken apart.
        pieces: The axes that it is the concatenation of; empty if it is none.
        uses: What happens to its entries.
    """

    num_parent: int | None
    num_child: int
    factors: tuple[Atom, ...] = ()
    pieces: tuple[tuple[Atom, ...], ...] = ()
    uses: set[Use] = field(default_factory=set)
    above: Atom | None = None

    @property
    def root(self) -> Atom:
        """The atom that stands for all that are tied to this one."""
        atom = self
        while atom.above is not None:
            if atom.above.above is not None:
                atom.above = atom.above.above  # halves the path, so that later look-ups are short
            atom = atom.above
        return atom

    @property
    def is_trivial(self) -> bool:
        """Whether it has one entry in both networks, so that it may stand or not."""
        return self.num_child == 1 and self.num_parent in {1, None}


Axis = tuple[Atom, ...]
"""An axis as a product of atoms, outermost first."""


def expanded(axis: Sequence[Atom]) -> Axis:
    """The atoms of an axis, taken apart as far as is known, without those of one entry."""
    found: list[Atom] = []
    for atom in axis:
        root = atom.root
        if root.factors:
            found += expanded(root.factors)
        elif not root.is_trivial:
            found.append(root)
    return tuple(found)


def tie(one: Sequence[Atom], other: Sequence[Atom]) -> None:
    """Treat two axes alike, as far as their lengths allow it; a broadcast axis, for one, stays apart."""
    ours, theirs = list(expanded(one)), list(expanded(other))
    while ours and theirs:
        a, b = ours.pop(0), theirs.pop(0)
        if a is b:
            continue
        if _fit(a, b):
            _merge(a, b)
        elif _divides(b, a):
            theirs.insert(0, b)
            ours[:0] = split(a, b)
        elif _divides(a, b):
            ours.insert(0, a)
            theirs[:0] = split(b, a)
        else:
            return


def _fit(a: Atom, b: Atom) -> bool:
    known = a.num_parent is None or b.num_parent is None or a.num_parent == b.num_parent
    return a.num_child == b.num_child and known


def _divides(small: Atom, large: Atom) -> bool:
    """Whether one atom can be the outermost factor of another, in both networks."""
    if large.num_child % max(small.num_child, 1) or small.num_child >= large.num_child:
        return False
    if large.pieces and not _is_repeated(large, small.num_parent, small.num_child):
        return False
    if small.num_parent is None or large.num_parent is None:
        return small.num_parent is large.num_parent
    return small.num_parent > 0 and large.num_parent % small.num_parent == 0


def split(large: Atom, small: Atom) -> Axis:
    """Take an atom apart into a first factor and the rest; both are returned."""
    return cut(large, small.num_parent, small.num_child)


def cut(large: Atom, num_parent: int | None, num_child: int) -> Axis:
    """Take an atom apart into a first factor of these lengths and the rest; both are returned.

    Equal pieces, one after the other, are the first factor times one piece.
    """
    rest_in_parent = None
    if large.num_parent is not None and num_parent is not None:
        rest_in_parent = large.num_parent // num_parent
    first = Atom(num_parent, num_child, uses=set(large.uses))
    rest = Atom(rest_in_parent, large.num_child // num_child, uses=set(large.uses))
    pieces, large.pieces = large.pieces, ()
    large.factors = (first, rest)
    for piece in pieces:
        tie((rest,), piece)
    return large.factors


def can_be_cut(atom: Atom, num_parent: int | None, num_child: int) -> bool:
    """Whether an atom can be taken apart into a first factor of these lengths and a rest."""
    if atom.pieces and not _is_repeated(atom, num_parent, num_child):
        return False
    if num_child < 1 or atom.num_child % num_child:
        return False
    return (
        atom.num_parent is None
        or num_parent is None
        or (num_parent > 0 and atom.num_parent % num_parent == 0)
    )


def _is_repeated(atom: Atom, num_parent: int | None, num_child: int) -> bool:
    """Whether an atom's pieces are as many, in both networks, and all of the same lengths."""
    lengths = {_lengths(piece) for piece in atom.pieces}
    return num_parent == num_child == len(atom.pieces) and len(lengths) == 1


def _merge(kept: Atom, lost: Atom) -> None:
    kept.uses |= lost.uses
    if kept.num_parent is None:
        kept.num_parent = lost.num_parent
    lost.above = kept
    pieces = lost.pieces
    if not kept.pieces:
        kept.pieces = pieces
    elif [_lengths(piece) for piece in kept.pieces] == [_lengths(piece) for piece in pieces]:
        for ours, theirs in zip(kept.pieces, pieces, strict=True):
            tie(ours, theirs)


def _lengths(axis: Axis) -> tuple[int | None, int]:
    n: int | None = 1
    m = 1
    for atom in axis:
        root = atom.root
        n = None if n is None or root.num_parent is None else n * root.num_parent
        m *= root.num_child
    return n, m


def mark(axis: Sequence[Atom], use: Use) -> None:
    """Note what happens to the entries of an axis."""
    for atom in expanded(axis):
        atom.uses.add(use)


def set_pieces(axis: Sequence[Atom], pieces: Sequence[Axis]) -> None:
    """Note that an axis is the concatenation of others, or that it is cut into them."""
    atoms = expanded(axis)
    if len(atoms) > 1 and atoms[0].num_child == atoms[0].num_parent == len(pieces):
        for piece in pieces:
            tie(atoms[1:], piece)
    if len(atoms) != 1 or len(pieces) < 2:
        return
    atom = atoms[0]
    if not atom.pieces:
        atom.pieces = tuple(pieces)
    elif [_lengths(piece) for piece in atom.pieces] == [_lengths(piece) for piece in pieces]:
        for ours, theirs in zip(atom.pieces, pieces, strict=True):
            tie(ours, theirs)


class AxisAtoms:
    """The atoms of all axes of the child's values."""

    def __init__(self) -> None:
        self._axes: dict[Place, Axis] = {}

    def add(self, place: Place, *, num_parent: int | None, num_child: int) -> None:
        """Begin with one atom for an axis."""
        self._axes[place] = (Atom(num_parent, num_child),)

    def of(self, place: Place) -> Axis:
        """The atoms of an axis."""
        return self._axes[place]

    def replace(self, place: Place, axis: Axis) -> None:
        """Give an axis these atoms, tied to what it was before."""
        tie(self._axes[place], axis)
        self._axes[place] = axis

    def leaves(self) -> tuple[Atom, ...]:
        """The atoms that maps are to be chosen for: neither taken apart nor made of pieces, each once."""
        found: dict[int, Atom] = {}
        waiting = [atom for axis in self._axes.values() for atom in axis]
        seen: set[int] = set()
        while waiting:
            atom = waiting.pop().root
            if id(atom) in seen:
                continue
            seen.add(id(atom))
            parts = [*atom.factors, *(part for piece in atom.pieces for part in piece)]
            for part in parts:
                part.root.uses |= atom.uses
                seen.discard(id(part.root))
            waiting += parts
            if not parts:
                found[id(atom)] = atom
        return tuple(found.values())
