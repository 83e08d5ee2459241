"""Several objectives: domination, fronts, crowding, and the volume below a front."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heredity.errors import InputError
from heredity.experiment import TrialResult, TrialState
from heredity.ids import TrialId
from heredity.strategies import hypervolume, pareto_front
from heredity.strategies.pareto import crowding, dominates, fronts, objectives_of

POINTS = st.lists(st.tuples(*[st.integers(0, 5).map(float)] * 3), max_size=8)


def result(name: str, merit: float | None, **merits: float) -> TrialResult:
    return TrialResult(
        trial_id=TrialId(name),
        parameters={},
        parents=(),
        state=TrialState.COMPLETED,
        score=merit,
        checkpoint=None,
        steps=1,
        merit=merit,
        merits=merits,
    )


def names(results: list[TrialResult]) -> list[str]:
    return [each.trial_id for each in results]


# --- domination ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "does"),
    [
        ((1.0, 1.0), (0.0, 1.0), True),
        ((1.0, 1.0), (1.0, 1.0), False),
        ((1.0, 0.0), (0.0, 1.0), False),
        ((0.0, 1.0), (1.0, 1.0), False),
    ],
)
def test_to_dominate_is_to_be_nowhere_worse_and_somewhere_better(
    first: tuple[float, ...], second: tuple[float, ...], does: bool
) -> None:
    assert dominates(first, second) is does


def test_the_front_keeps_what_nothing_dominates() -> None:
    results = [result("a", 0.9, size=-9.0), result("b", 0.8, size=-9.5), result("c", 0.5, size=-1.0)]
    assert names(pareto_front(results)) == ["a", "c"]


def test_equal_results_stand_on_the_front_together() -> None:
    assert names(pareto_front([result("a", 1.0), result("b", 1.0), result("c", 0.5)])) == ["a", "b"]


def test_what_has_no_score_is_not_on_the_front() -> None:
    assert names(pareto_front([result("a", None, size=1.0), result("b", 0.1)])) == ["b"]


def test_an_objective_that_was_not_measured_counts_as_the_worst() -> None:
    assert names(pareto_front([result("a", 0.5, size=-9.0), result("b", 0.5), result("c", 0.6)])) == [
        "a",
        "c",
    ]


def test_objectives_stand_in_one_order_whoever_measured_them_first() -> None:
    results = [result("a", 0.1, time=2.0, size=3.0), result("b", 0.4, size=5.0)]
    assert objectives_of(results) == [(0.1, 3.0, 2.0), (0.4, 5.0, -math.inf)]


# --- fronts and crowding ------------------------------------------------------------------------------------


def test_fronts_peel_off_one_after_the_other() -> None:
    points = [(1.0, 1.0), (3.0, 1.0), (2.0, 2.0), (1.0, 3.0), (0.0, 0.0)]
    assert fronts(points) == [[1, 2, 3], [0], [4]]


@given(POINTS)
def test_every_point_is_on_one_front_below_what_dominates_it(points: list[tuple[float, ...]]) -> None:
    front_of = {index: number for number, front in enumerate(fronts(points)) for index in front}
    assert sorted(front_of) == list(range(len(points)))
    for index, point in enumerate(points):
        above = [front_of[other] for other, q in enumerate(points) if dominates(q, point)]
        assert front_of[index] == max(above, default=-1) + 1


def test_the_ends_of_a_front_have_the_most_room_and_the_middle_what_lies_beside_it() -> None:
    assert crowding([(0.0, 4.0), (1.0, 3.0), (4.0, 0.0)]) == [math.inf, 2.0, math.inf]


def test_a_front_where_all_are_equal_has_no_room() -> None:
    assert crowding([(1.0, 1.0)] * 3) == [math.inf, 0.0, math.inf]


def test_what_was_not_measured_has_room_like_the_worst() -> None:
    unmeasured = crowding([(0.0, 4.0), (1.0, 3.0), (2.0, 1.0), (4.0, -math.inf)])
    assert unmeasured == crowding([(0.0, 4.0), (1.0, 3.0), (2.0, 1.0), (4.0, 1.0)])
    assert not any(map(math.isnan, unmeasured))


# --- hypervolume --------------------------------------------------------------------------------------------


def test_one_point_has_the_volume_of_its_box() -> None:
    assert hypervolume([(2.0, 3.0)], reference=(0.0, 1.0)) == 4.0
    assert hypervolume([(2.0, 3.0, 5.0)], reference=(0.0, 1.0, 2.0)) == 12.0


def test_overlapping_boxes_count_once() -> None:
    assert hypervolume([(1.0, 3.0), (3.0, 1.0), (2.0, 2.0)], reference=(0.0, 0.0)) == 6.0


def test_what_is_not_above_the_reference_adds_nothing() -> None:
    assert hypervolume([(5.0, 0.0), (-1.0, 9.0)], reference=(0.0, 0.0)) == 0.0


@pytest.mark.parametrize("num_objectives", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(5))
def test_the_volume_is_that_of_the_unit_boxes_below_the_points(num_objectives: int, seed: int) -> None:
    rng = random.Random(seed)
    points = [tuple(float(rng.randint(0, 5)) for _ in range(num_objectives)) for _ in range(9)]
    boxes = itertools.product(range(5), repeat=num_objectives)
    below = sum(any(all(c < v for c, v in zip(box, p, strict=True)) for p in points) for box in boxes)
    assert hypervolume(points, reference=(0.0,) * num_objectives) == below


def test_points_have_as_many_objectives_as_the_reference() -> None:
    with pytest.raises(InputError, match=r"expected 2 objectives, got \(1\.0, 2\.0, 3\.0\)"):
        hypervolume([(1.0, 2.0, 3.0)], reference=(0.0, 0.0))


def test_the_reference_is_finite() -> None:
    with pytest.raises(InputError, match="expected a finite number for each objective"):
        hypervolume([(1.0,)], reference=(-math.inf,))
