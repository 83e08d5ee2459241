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


def test_packed_lines_share_a_row_where_they_are_generations_apart() -> None:
    """A child of a, and one of d, of a line of seven."""
    parents = {"a": [], "b": ["a"], "c": ["b"], "d": ["c"], "e": ["d"], "f": ["e"], "g": ["f"]}
    layout = layout_of({**parents, "early": ["a"], "late": ["d"]})
    assert layout.rows[-2:] == (2, 1)
    assert layout.packed == (0, 0, 0, 0, 0, 0, 0, 1, 1)


def _random_forest(seed: int) -> dict[str, list[str]]:
    choose = random.Random(seed)
    return {
        str(i): [str(choose.randrange(max(0, i - 12), i))] if i and choose.random() < 0.9 else []
        for i in range(choose.randrange(1, 80))
    }


@pytest.mark.parametrize("seed", range(20))
def test_a_packed_heir_stands_in_its_parent_s_row_and_no_child_above_it(seed: int) -> None:
    parents = _random_forest(seed)
    packed = dict(zip(parents, layout_of(parents).packed, strict=True))
    below: dict[str, list[int]] = {}
    for child, known in parents.items():
        for parent in known:
            below.setdefault(parent, []).append(packed[child] - packed[parent])
    assert all(min(moves) == 0 and len(set(moves)) == len(moves) for moves in below.values())


@pytest.mark.parametrize("seed", range(20))
def test_no_line_of_a_packed_lineage_crosses_another(seed: int) -> None:
    """Between two generations, what leads from one parent to its children is above or below of all else."""
    parents = _random_forest(seed)
    layout = layout_of(parents)
    place = dict(zip(parents, zip(layout.generations, layout.packed, strict=True), strict=True))
    assert len(set(place.values())) == len(parents)
    spans: dict[tuple[int, str], list[int]] = {}
    for child, known in parents.items():
        for parent in known:
            generation, row = place[parent]
            spans.setdefault((generation, parent), [row]).append(place[child][1])
    for (generation, parent), rows in spans.items():
        others = [r for (g, p), each in spans.items() if g == generation and p != parent for r in each]
        assert not [row for row in others if min(rows) <= row <= max(rows)]
