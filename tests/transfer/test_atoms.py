"""Axes of two networks that belong together: tied, taken apart, joined; and what is chosen for them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from heredity.transfer import trace
from heredity.transfer.operators.atoms import Atom, AxisAtoms, Use, cut, expanded, mark, set_pieces, tie
from heredity.transfer.operators.relation import MEAN, ZERO, AxisRelation
from heredity.transfer.operators.rules.regroup import groups_of
from heredity.transfer.passes.align import alignments
from heredity.transfer.passes.choose import AxisMaps, Growth, choose
from heredity.transfer.passes.structure import axis_atoms


def lengths(*axis: Atom) -> list[tuple[int | None, int]]:
    return [(atom.num_parent, atom.num_child) for atom in expanded(axis)]


def test_tied_axes_share_their_atom_and_what_is_done_to_it() -> None:
    one, other = Atom(3, 5), Atom(3, 5)
    mark((one,), Use.AVERAGED)
    tie((one,), (other,))
    assert one.root is other.root
    assert other.root.uses == {Use.AVERAGED}


def test_axes_of_other_lengths_stay_apart() -> None:
    one, other = Atom(3, 5), Atom(4, 5)
    tie((one,), (other,))
    assert one.root is not other.root


def test_what_the_parent_does_not_have_learns_its_length() -> None:
    new, known = Atom(None, 6), Atom(4, 6)
    tie((new,), (known,))
    assert new.root.num_parent == 4


def test_heads_times_width_are_found_in_an_axis() -> None:
    """Of 2 heads of 4 grow 3 heads of 6."""
    axis, heads, width = Atom(8, 18), Atom(2, 3), Atom(4, 6)
    tie((axis,), (heads, width))
    assert lengths(axis) == [(2, 3), (4, 6)]
    assert expanded((axis,)) == (heads.root, width.root)


def test_axes_of_one_entry_may_stand_or_not() -> None:
    axis, other = Atom(4, 6), Atom(4, 6)
    tie((Atom(1, 1), axis), (other, Atom(1, 1)))
    assert axis.root is other.root


def test_pieces_of_equal_lengths_are_tied_piece_by_piece() -> None:
    axes = Atom(6, 9), Atom(6, 9)
    pieces = [[(Atom(2, 3),), (Atom(4, 6),)] for _ in axes]
    for axis, each in zip(axes, pieces, strict=True):
        set_pieces((axis,), each)
    tie(axes[:1], axes[1:])
    assert all(a[0].root is b[0].root for a, b in zip(*pieces, strict=True))


def test_equal_pieces_are_the_first_factor_times_one_piece() -> None:
    """Queries, keys and values, stacked, and then looked at as 3 times the heads."""
    axis = Atom(12, 18)
    pieces = [(Atom(4, 6),) for _ in range(3)]
    set_pieces((axis,), pieces)
    first, rest = cut(axis, 3, 3)
    assert lengths(first, rest) == [(3, 3), (4, 6)]
    assert len({id(piece[0].root) for piece in pieces}) == 1


@given(st.data())
def test_tying_ends_and_keeps_the_lengths_of_axes(data: st.DataObject) -> None:
    """Whatever is tied to whatever: axes keep the product of their atoms."""
    sizes = st.sampled_from([(1, 1), (2, 2), (2, 3), (4, 6), (4, 4), (8, 12), (None, 6), (1, 3)])
    axes = [
        tuple(Atom(*size) for size in each)
        for each in data.draw(st.lists(st.lists(sizes, min_size=1, max_size=3), min_size=2, max_size=5))
    ]
    before = [math.prod(atom.num_child for atom in axis) for axis in axes]
    for _ in range(4):
        tie(data.draw(st.sampled_from(axes)), data.draw(st.sampled_from(axes)))
    assert [math.prod(m for _, m in lengths(*axis)) for axis in axes] == before


@given(st.data())
def test_groups_of_axes_have_equal_products_and_leave_none_out(data: st.DataObject) -> None:
    small = st.tuples(st.integers(1, 3), st.integers(1, 3))
    before = data.draw(st.lists(small, min_size=1, max_size=4))
    after = data.draw(st.permutations(before))
    groups = list(groups_of(before, after))
    assert [i for ours, _ in groups for i in ours] == list(range(len(before)))
    assert [j for _, theirs in groups for j in theirs] == list(range(len(after)))
    for ours, theirs in groups:
        products = [[math.prod(each[k][n] for k in which) for n in (0, 1)]
                    for each, which in ((before, ours), (after, theirs))]  # fmt: skip
        assert products[0] == products[1]


def chosen(num_parent: int | None, num_child: int, *uses: Use, growth: Growth = "fresh") -> AxisRelation:
    atoms = AxisAtoms()
    atoms.add(("x", 0), num_parent=num_parent, num_child=num_child)
    for use in uses:
        mark(atoms.of(("x", 0)), use)
    return choose(atoms, growth=growth).of(("x", 0), num_parent=num_parent or 0, num_child=num_child)


@pytest.mark.parametrize(
    ("use", "num_child", "entries", "factor"),
    [
        (Use.STANDARDIZED, 3, [0, 1, MEAN], math.sqrt(3 / 2)),
        (Use.STANDARDIZED, 5, [0, 1, 0, 1, MEAN], math.sqrt(5 / 4)),
        (Use.STANDARDIZED, 4, [0, 1, 0, 1], 1.0),
        (Use.AVERAGED, 3, [0, 1, ZERO], math.sqrt(3 / 2)),
        (Use.AVERAGED, 4, [0, 1, 0, 1], 1.0),
    ],
)
def test_what_statistics_are_taken_over_grows_so_that_they_stay(
    use: Use, num_child: int, entries: list[int], factor: float
) -> None:
    relation = chosen(2, num_child, use)
    assert relation.g.tolist() == entries
    assert relation.factor == pytest.approx(factor)


def test_new_entries_are_fresh_or_copies_as_is_asked_for() -> None:
    assert chosen(2, 4).g.tolist() == [0, 1, -1, -1]
    assert chosen(2, 4, growth="copy").g.tolist() == [0, 1, 0, 1]
    assert chosen(3, 2, growth="copy").g.tolist() == [0, 1]
    assert chosen(None, 2).g.tolist() == [-1, -1]


def test_an_axis_without_a_map_that_fits_gets_the_usual_one() -> None:
    atoms = AxisAtoms()
    atoms.add(("x", 0), num_parent=2, num_child=4)
    maps = AxisMaps(atoms, {})
    assert maps.of(("x", 0), num_parent=2, num_child=4).g.tolist() == [0, 1, -1, -1]


def test_a_grouped_convolution_may_read_what_is_paired_with_a_value_of_other_axes() -> None:
    """An alignment is any pairing; what it proposes is looked at and not believed."""
    net = nn.Sequential(
        nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1, groups=2), nn.Flatten(), nn.Linear(24, 2)
    ).double()
    graph = trace(net, (torch.zeros(2, 4, 3, 2, dtype=torch.float64),))
    usual = next(iter(alignments(graph, graph)))
    partner = {**usual.partner, "conv2d.0": "linear.0"}
    axis_atoms(graph, graph, replace(usual, partner=partner))
