"""Where trials stand in a lineage."""

from __future__ import annotations

import random

import pytest

from heredity.dashboard.pictures.layout import layout_of


def test_the_longest_line_is_straight() -> None:
    parents = {"a": [], "b": ["a"], "c": ["a"], "d": ["c"], "e": ["d"]}
    layout = layout_of(parents)
    assert layout.generations == (0, 1, 1, 2, 3)
    assert layout.rows == (0, 1, 0, 0, 0)


def test_a_parent_that_is_not_there_makes_no_difference() -> None:
    assert layout_of({"a": ["gone"], "b": ["gone", "a"]}).generations == (0, 1)


def test_a_lineage_deeper_than_python_s_stack_is_laid_out() -> None:
    parents = {str(i): [str(i - 1)] if i else [] for i in range(20_000)}
    assert layout_of(parents).num_rows == 1


@pytest.mark.parametrize("seed", range(20))
def test_no_two_trials_stand_at_the_same_place(seed: int) -> None:
    choose = random.Random(seed)
    parents = {
        str(i): [str(choose.randrange(i))] if i and choose.random() < 0.8 else []
        for i in range(choose.randrange(60))
    }
    layout = layout_of(parents)
    assert len(set(zip(layout.generations, layout.rows, strict=True))) == len(parents)
    assert set(layout.rows) == set(range(layout.num_rows))
