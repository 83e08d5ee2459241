"""Relations against the simple model: arrays of the parent's, taken entry by entry."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heredity.transfer.operators.maps import centred, columns, rows
from heredity.transfer.operators.relation import (
    JUNK,
    MEAN,
    ZERO,
    AxisRelation,
    concatenated,
    factored,
    flattened,
    gather,
    identity,
    piece,
    total_factor,
    with_factor_on,
)
from heredity.transfer.plans.plan import FRESH_ENTRY, MEAN_ENTRY, ZERO_ENTRY, AxisMap

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@st.composite
def relations(draw: st.DrawFn, *, kinds: Sequence[int] = (JUNK, ZERO, MEAN)) -> AxisRelation:
    num_parent = draw(st.integers(1, 4))
    entries = st.one_of(st.integers(0, num_parent - 1), st.sampled_from([0, *kinds]))
    indices = draw(st.lists(entries, min_size=1, max_size=5))
    scales = [draw(st.sampled_from([1.0, 1.0, 2.0, -0.5])) for _ in indices]
    return gather(indices, num_parent=num_parent, scales=scales)


def child_value(axes: Sequence[AxisRelation], parent: Array) -> Array:
    """What the relation says of each entry; NaN where it says nothing."""
    is_zero = np.zeros([len(axis) for axis in axes], dtype=bool)
    is_junk = is_zero.copy()
    for number, axis in enumerate(axes):
        mean = parent.mean(number, keepdims=True)
        taken = parent.take(np.maximum(axis.g, 0), number)
        shape = [-1 if i == number else 1 for i in range(len(axes))]
        parent = np.where((axis.g == MEAN).reshape(shape), mean, taken) * axis.s.reshape(shape)
        is_zero |= (axis.g == ZERO).reshape(shape)
        is_junk |= (axis.g == JUNK).reshape(shape)
    return np.where(is_junk, np.nan, np.where(is_zero, 0.0, parent))


def is_true(claim: Array, value: Array) -> bool:
    """Whether a claim holds wherever it says anything; it may say less than is known."""
    return claim.shape == value.shape and bool((np.isnan(claim) | np.isclose(claim, value)).all())


def numbers(*axes: AxisRelation) -> Array:
    return np.random.default_rng(0).normal(size=[axis.num_parent for axis in axes])


@given(st.lists(relations(), min_size=1, max_size=3))
def test_flattened_axes_are_one_axis_row_by_row(axes: list[AxisRelation]) -> None:
    parent = numbers(*axes)
    claim, value = child_value([flattened(axes)], parent.reshape(-1)), child_value(axes, parent).reshape(-1)
    assert is_true(claim, value)
    if not any(axis.has(MEAN) for axis in axes):
        assert np.array_equal(np.isnan(claim), np.isnan(value))


@given(st.lists(relations(kinds=[JUNK, ZERO]), min_size=2, max_size=3))
def test_what_was_flattened_is_taken_apart_again_to_the_same_values(axes: list[AxisRelation]) -> None:
    joined, parent = flattened(axes), numbers(*axes)
    sizes = {"ours": [len(axis) for axis in axes], "theirs": [axis.num_parent for axis in axes]}
    parts = factored(joined, **sizes)
    if parts is not None:
        assert is_true(child_value(parts, parent), child_value(axes, parent))
    else:  # an axis without any entry of the parent's shows nothing to take apart
        assert not joined.is_used.any()


def test_an_axis_whose_parts_change_together_is_not_taken_apart() -> None:
    assert factored(gather([0, 1, 3, 2], num_parent=4), ours=[2, 2], theirs=[2, 2]) is None
    assert (
        factored(gather([0, 1, 2, 3], num_parent=4, scales=[1, 1, 1, 2]), ours=[2, 2], theirs=[2, 2]) is None
    )
    assert factored(gather([0, MEAN], num_parent=2), ours=[1, 2], theirs=[1, 2]) is None


@given(st.lists(relations(), min_size=2, max_size=3))
def test_concatenated_axes_hold_one_after_the_other(axes: list[AxisRelation]) -> None:
    parents = [numbers(axis) for axis in axes]
    whole = np.concatenate([child_value([axis], parent) for axis, parent in zip(axes, parents, strict=True)])
    assert is_true(child_value([concatenated(axes)], np.concatenate(parents)), whole)


@given(relations(), st.data())
def test_a_piece_is_a_range_of_the_axis(axis: AxisRelation, data: st.DataObject) -> None:
    a, b = sorted(data.draw(st.tuples(st.integers(0, len(axis)), st.integers(0, len(axis)))))
    c, d = sorted(data.draw(st.tuples(*[st.integers(0, axis.num_parent)] * 2)))
    parent = numbers(axis)
    part = piece(axis, ours=(a, b), theirs=(c, d))
    if d > c:
        assert is_true(child_value([part], parent[c:d]), child_value([axis], parent)[a:b])
    assert part.num_parent == d - c


@given(st.lists(relations(), min_size=1, max_size=3), st.data())
def test_a_factor_that_moves_to_another_axis_changes_no_value(
    axes: list[AxisRelation], data: st.DataObject
) -> None:
    axis = data.draw(st.integers(-len(axes), len(axes) - 1))
    moved, parent = with_factor_on(axes, axis), numbers(*axes)
    used = [each for i, each in enumerate(moved) if i != axis % len(axes) and not math.isnan(each.factor)]
    assert all(each.factor == 1 for each in used)
    # An axis without any of the parent's entries has no place for a factor, and no value to be wrong.
    assert is_true(child_value(moved, parent), child_value(axes, parent))


@given(relations(kinds=[JUNK, ZERO]))
def test_columns_undo_rows(axis: AxisRelation) -> None:
    """D E = 1: what a producer copies and scales, a consumer reads as it was."""
    made, read = _matrix(rows(axis), axis.num_parent), _matrix(columns(axis), axis.num_parent).T
    expected = np.diag((axis.counts > 0).astype(float))
    assert np.allclose(read @ made, expected)


def _matrix(axis: AxisMap, num_parent: int) -> Array:
    scales = axis.scales or [1.0] * len(axis.sources)
    found = np.zeros((len(axis.sources), num_parent))
    for i, (source, scale) in enumerate(zip(axis.sources, scales, strict=True)):
        if source >= 0:
            found[i, source] = scale
    return found


def test_columns_ignore_what_is_junk_and_means_and_read_zeros_freely() -> None:
    axis = gather([0, JUNK, ZERO, MEAN, 1], num_parent=2)
    assert columns(axis).sources == (0, ZERO_ENTRY, FRESH_ENTRY, ZERO_ENTRY, 1)
    assert rows(axis).sources == (0, FRESH_ENTRY, ZERO_ENTRY, MEAN_ENTRY, 1)


@pytest.mark.parametrize(("m", "n", "before"), [(5, 3, 1), (7, 3, 2), (3, 3, 0), (4, 3, 0)])
def test_a_kernel_is_centred_in_a_larger_one(m: int, n: int, before: int) -> None:
    assert centred(m, n).sources == (*[ZERO_ENTRY] * before, *range(n), *[ZERO_ENTRY] * (m - n - before))


def test_an_axis_of_scaled_copies_flattens_to_products() -> None:
    outer = gather([1, JUNK, ZERO], num_parent=2, scales=[2.0, 1.0, 1.0])
    inner = gather([0, 0, JUNK], num_parent=1, scales=[1.0, 3.0, 1.0])
    joined = flattened([outer, inner])
    assert joined.g.tolist() == [1, 1, JUNK, JUNK, JUNK, JUNK, ZERO, ZERO, JUNK]
    assert joined.s.tolist() == [2, 6, 1, 1, 1, 1, 1, 1, 1]
    assert joined.num_parent == 2


def test_a_relation_counts_copies_and_knows_the_identity() -> None:
    assert gather([0, 0, 2, JUNK], num_parent=3).counts.tolist() == [2, 0, 1]
    assert gather([0, 1, 2], num_parent=3).is_identity
    assert not gather([0, 1], num_parent=3).is_identity
    assert not gather([0, 1], num_parent=2, scales=[1, 2]).is_identity
    assert np.array_equal(identity(2).agreeing_with(gather([0, ZERO], num_parent=2)).g, [0, JUNK])


def test_a_factor_is_shared_by_all_that_come_from_the_parent() -> None:
    assert gather([0, MEAN, JUNK], num_parent=1, scales=[2, 2, 9]).factor == 2
    assert math.isnan(gather([0, 0], num_parent=1, scales=[2, 3]).factor)
    assert total_factor([gather([0], num_parent=1, scales=[2]), gather([JUNK], num_parent=1)]) == 2


@pytest.mark.parametrize(
    ("indices", "scales"),
    [([3], None), ([-4], None), ([0], [0.0]), ([0], [float("inf")]), ([0], [])],
    ids=str,
)
def test_a_relation_that_makes_no_sense_is_refused(indices: list[int], scales: list[float] | None) -> None:
    with pytest.raises(ValueError, match="factor"):
        gather(indices, num_parent=3, scales=scales)
