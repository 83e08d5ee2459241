"""From point to point: mutation, neighbours, mixture and distance."""

from __future__ import annotations

import random

import pytest

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.space import Choice, Float, Int, Space, When, as_space

SPACE = Space({"width": Int(1, 9), "kind": Choice(["a", "b", "c"]), "norm": Choice([True, False])})
POINT: dict[str, Json] = {"width": 5, "kind": "a", "norm": True}
CONDITIONAL = Space({"deep": Choice([False, True]), "second": Int(0, 1)}, {"second": When("deep", True)})


@pytest.mark.parametrize("num", [1, 2, 3])
def test_as_many_values_change_as_asked_for(num: int) -> None:
    rng = random.Random(0)
    for _ in range(30):
        mutant = SPACE.mutate(POINT, rng, num=num)
        assert sum(mutant[name] != POINT[name] for name in POINT) == num


def test_a_mutation_draws_what_becomes_active_and_leaves_out_what_no_longer_is() -> None:
    rng = random.Random(0)
    assert set(CONDITIONAL.mutate({"deep": False}, rng)) == {"deep", "second"}
    mutants = [CONDITIONAL.mutate({"deep": True, "second": 0}, rng) for _ in range(20)]
    assert {"deep": False} in mutants
    assert {"deep": True, "second": 1} in mutants


def test_more_values_change_where_one_alone_would_break_a_constraint() -> None:
    space = Space({"a": Int(0, 10), "b": Int(0, 10)}, constraints=["a + b == 10"])
    mutant = space.mutate({"a": 5, "b": 5}, random.Random(0))
    assert space.problems(mutant) == []
    assert mutant != {"a": 5, "b": 5}


def test_small_steps_are_more_likely_than_large_ones() -> None:
    rng = random.Random(0)
    space = Space({"x": Float(0, 1)})
    steps = [abs(float(str(space.mutate({"x": 0.5}, rng)["x"])) - 0.5) for _ in range(500)]
    assert sum(step < 0.2 for step in steps) > 300
    assert max(steps) > 0.4


@pytest.mark.parametrize(
    ("space", "point", "message"),
    [
        (SPACE, {"width": 5}, "not a point of the space: kind: missing; norm: missing"),
        (Space({"a": Int(1, 1)}), {"a": 1}, "no mutant: the space has no other point"),
        (Space({"a": Int(0, 2)}, constraints=["a == 1"]), {"a": 1}, "'a == 1' rejected 2000 of 2000 draws"),
    ],
)
def test_what_cannot_be_mutated_is_told(space: Space, point: dict[str, Json], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        space.mutate(point, random.Random(0))


def test_the_neighbours_of_a_finite_space_are_all_points_one_step_away() -> None:
    neighbours = list(SPACE.neighbours(POINT, random.Random(0)))
    assert neighbours == [
        POINT | {"width": 4}, POINT | {"width": 6}, POINT | {"kind": "b"}, POINT | {"kind": "c"},
        POINT | {"norm": False},
    ]  # fmt: skip


def test_neighbours_that_break_a_constraint_are_left_out() -> None:
    space = Space(SPACE.dimensions, constraints=["width >= 5", "kind != 'c'"])
    neighbours = list(space.neighbours(POINT, random.Random(0)))
    assert neighbours == [POINT | {"width": 6}, POINT | {"kind": "b"}, POINT | {"norm": False}]


def test_a_neighbour_that_needs_another_value_is_drawn_until_it_is_legal() -> None:
    space = Space(
        {"deep": Choice([False, True]), "second": Int(0, 3)}, {"second": When("deep", True)}, ["second == 3"]
    )
    assert list(space.neighbours({"deep": False}, random.Random(0))) == [{"deep": True, "second": 3}]


def test_of_a_continuous_dimension_four_neighbours_are_drawn() -> None:
    assert len(list(Space({"x": Float(0, 1)}).neighbours({"x": 0.5}, random.Random(0)))) == 4


def test_a_mixture_takes_each_value_from_one_of_both() -> None:
    rng = random.Random(0)
    other: dict[str, Json] = {"width": 1, "kind": "c", "norm": False}
    mixed = [SPACE.crossover(POINT, other, rng) for _ in range(60)]
    assert all(point[name] in (POINT[name], other[name]) for point in mixed for name in POINT)
    assert len({str(point) for point in mixed}) == 8


def test_a_mixture_takes_what_one_has_and_draws_what_neither_has() -> None:
    space = Space(
        {"a": Int(0, 1), "b": Int(0, 1), "one": Int(0, 9), "both": Int(0, 9)},
        {"one": When("a", 1), "both": "a == 1 and b == 1"},
    )
    first: dict[str, Json] = {"a": 1, "b": 0, "one": 7}
    rng = random.Random(0)
    mixed = [space.crossover(first, {"a": 0, "b": 1}, rng) for _ in range(40)]
    assert {point["one"] for point in mixed if "one" in point} == {7}
    assert len({point["both"] for point in mixed if "both" in point}) > 2


def test_a_mixture_that_constraints_never_allow_is_one_of_both() -> None:
    space = Space({"a": Int(0, 1), "b": Int(0, 1)}, constraints=["a == b"])
    both: list[dict[str, Json]] = [{"a": 0, "b": 0}, {"a": 1, "b": 1}]
    assert all(space.crossover(both[0], both[1], random.Random(seed)) in both for seed in range(20))


def test_a_distance_is_the_mean_over_all_names() -> None:
    assert SPACE.distance(POINT, POINT | {"width": 9}) == pytest.approx(0.5 / 3)
    assert SPACE.distance(POINT, {"width": 1, "kind": "b", "norm": False}) == pytest.approx(2.5 / 3)
    assert Space({}).distance({}, {}) == 0.0


def test_a_name_that_only_one_point_has_counts_in_full() -> None:
    assert CONDITIONAL.distance({"deep": False}, {"deep": True, "second": 0}) == 1.0
    assert CONDITIONAL.distance({"deep": True, "second": 1}, {"deep": True, "second": 0}) == 0.5


def test_a_logarithmic_scale_counts_in_a_distance() -> None:
    space = Space({"x": Float(1, 100, log=True)})
    assert space.distance({"x": 1}, {"x": 10}) == pytest.approx(0.5)


def test_equal_points_have_one_fingerprint_however_they_are_written() -> None:
    space = Space({"x": Float(0, 1, step=0.1), "y": Choice([[1], 1, 1.0, True])})
    same: list[dict[str, Json]] = [{"x": 0, "y": (1,)}, {"y": [1], "x": 0.0}, {"x": -0.0, "y": [1]}]
    assert len({space.fingerprint(point) for point in same}) == 1
    assert space.fingerprint({"x": 0.1 * 3, "y": 1}) == space.fingerprint({"x": 0.3, "y": 1})
    assert len({space.fingerprint({"x": 0, "y": y}) for y in (1, 1.0, True)}) == 3


def test_a_plain_mapping_is_taken_for_a_space() -> None:
    assert as_space({"a": Int(0, 1)}) == Space({"a": Int(0, 1)})
    assert as_space(SPACE) is SPACE
    for wrong in (3, {"a": 3}):
        with pytest.raises(ConfigError, match=r"expected a (space|dimension)"):
            as_space(wrong)  # type: ignore[arg-type]  # what users write
