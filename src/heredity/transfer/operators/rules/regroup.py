"""Rules for operators that give the same entries in the same order another shape: view, flatten."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from heredity.transfer.operators.atoms import Atom, can_be_cut, cut, expanded
from heredity.transfer.operators.axes import NodeAxes
from heredity.transfer.operators.call import Call, InsertedCall
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import (
    AxisRelation,
    Junk,
    Related,
    Unproven,
    Value,
    factored,
    flattened,
    identity,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from heredity.transfer.operators.atoms import Axis

    Group = tuple[list[int], list[int]]
    Pair = tuple[int, int]


def groups_of(before: Sequence[Pair], after: Sequence[Pair]) -> Iterator[Group]:
    """Cut two shapes into the smallest groups of axes with equal products, in both networks at once.

    Args:
        before: The lengths (child, parent) of each axis.
        after: The same for the other shape.

    Yields:
        The numbers of the axes of a group in both shapes; those of one entry may stand alone.
    """
    i = j = 0
    ours: list[int] = []
    theirs: list[int] = []
    left, right = (1, 1), (1, 1)
    while i < len(before) or j < len(after):
        if i < len(before) and (left <= right or j == len(after)):
            ours.append(i)
            left = left[0] * before[i][0], left[1] * before[i][1]
            i += 1
        else:
            theirs.append(j)
            right = right[0] * after[j][0], right[1] * after[j][1]
            j += 1
        if left == right and ours and theirs:
            yield ours, theirs
            ours, theirs, left, right = [], [], (1, 1), (1, 1)
    if ours or theirs:
        yield ours, theirs


def _structure(axes: NodeAxes) -> None:
    operand = axes.operand("input")
    if operand is None:
        return
    pairs = [_pairs(*axes.shapes(node)) for node in (operand, axes.node)]
    for ours, theirs in groups_of(*pairs):
        before: Axis = tuple(atom for i in ours for atom in axes.atoms.of((operand.name, i)))
        _tie_group(axes, before, theirs)


def _pairs(ours: tuple[int, ...], theirs: tuple[int, ...] | None) -> list[Pair]:
    if theirs is None or len(theirs) != len(ours):
        theirs = ours
    return list(zip(ours, theirs, strict=True))


def _tie_group(axes: NodeAxes, before: Axis, after: list[int]) -> None:
    """Deal out the atoms of the axes before to the axes after, taking apart those that are too large."""
    waiting = list(expanded(before))
    for axis in after:
        place = axes.node.name, axis
        if len(after) == 1:
            axes.atoms.replace(place, tuple(waiting))
            return
        want = axes.atoms.of(place)[0].root
        taken: list[Atom] = []
        while waiting and not _is_full(taken, want):
            atom = waiting.pop(0).root
            rest = _rest(taken, want)
            if _is_larger(atom, rest):
                atom, tail = cut(atom, *rest)
                waiting.insert(0, tail)
            taken.append(atom)
        if _is_full(taken, want):
            axes.atoms.replace(place, tuple(taken))


def _product(atoms: Sequence[Atom]) -> tuple[int | None, int]:
    known = [atom.num_parent for atom in atoms if atom.num_parent is not None]
    n = math.prod(known) if len(known) == len(atoms) else None
    return n, math.prod(atom.num_child for atom in atoms)


def _is_full(taken: Sequence[Atom], want: Atom) -> bool:
    n, m = _product(taken)
    return m == want.num_child and (n is None or want.num_parent is None or n == want.num_parent)


def _rest(taken: Sequence[Atom], want: Atom) -> tuple[int | None, int]:
    n, m = _product(taken)
    in_parent = None if n is None or want.num_parent is None else want.num_parent // max(n, 1)
    return in_parent, want.num_child // max(m, 1)


def _is_larger(atom: Atom, rest: tuple[int | None, int]) -> bool:
    n, m = rest
    if m == 1 and (n is None or n < 2 or atom.num_parent is None):
        return False  # a first factor of one entry would leave the atom as it is, for ever
    is_same = atom.num_child == m and (n is None or atom.num_parent is None or atom.num_parent == n)
    return not is_same and atom.num_child >= m and can_be_cut(atom, n, m)


def _without_dropped(groups: Iterable[Group]) -> list[Group]:
    """The groups, where axes of one entry that are dropped at the end belong to the last group that stays.

    Such an entry may be junk, or scaled, and then so is what stays.
    """
    found: list[Group] = []
    for ours, theirs in groups:
        if not theirs and found:
            found[-1] = found[-1][0] + ours, found[-1][1]
        else:
            found.append((ours, theirs))
    return found


def _relate(call: Call) -> tuple[AxisRelation, ...]:
    """Axes that are joined relate by the product of their relations; those taken apart have to be one.

    The sizes that the operator is called with are not compared: they follow from the widths.
    """
    axes = call.operand("input")
    ours, theirs = call.node.shape, call.partner.shape
    if ours is None or theirs is None or len(ours) != len(theirs):
        raise Unproven(f"the result is {ours}, in the parent {theirs}")
    before = [(len(axis), axis.num_parent) for axis in axes]
    after = list(zip(ours, theirs, strict=True))
    result: dict[int, AxisRelation] = {}
    for i, j in _without_dropped(groups_of(before, after)):
        joined = flattened([axes[axis] for axis in i]) if i else identity(1)
        wanted = [after[axis] for axis in j]
        sizes = [m for m, _ in wanted], [n for _, n in wanted]
        if (math.prod(sizes[0]), math.prod(sizes[1])) != (len(joined), joined.num_parent):
            raise Unproven(f"the axes are regrouped to {ours}, in the parent to {theirs}")
        parts = factored(joined, ours=sizes[0], theirs=sizes[1]) if j else ()
        if parts is None:
            raise Unproven("an axis is taken apart whose parts change together")
        if not j and not joined.is_identity:
            raise Unproven("a single entry is taken out that is not the parent's")
        result |= dict(zip(j, parts, strict=True))
    return tuple(result[axis] for axis in range(len(ours)))


def _insert(call: InsertedCall) -> Value:
    """A new block may work in another shape: what comes out of it is what came in, once it has its shape."""
    value = call.operand("input")
    inner = value.regrouped if isinstance(value, Junk) else value
    if not isinstance(inner, Related):
        raise Unproven(f"a new {call.node.target} of what is not known")
    if call.node.shape == tuple(map(len, inner.axes)):
        return inner
    return Junk(f"new: {call.node.target} gives another shape (at {call.node.name})", inner)


register(
    "aten.flatten.using_ints",
    "aten.view.default",
    "aten.reshape.default",
    "aten._unsafe_view.default",
    "aten.unflatten.int",
    "aten.unsqueeze.default",
    "aten.squeeze.default",
    "aten.squeeze.dim",
    "aten.squeeze.dims",
    "aten.ravel.default",
    "aten.view_as.default",
    "aten.reshape_as.default",
    rule=OperatorRule(_structure, _relate, _insert, keeps_zero=True),
)
