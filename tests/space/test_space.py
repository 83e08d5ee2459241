"""Spaces: what is said of a point that is wrong, and what is drawn."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heredity.encoding import Json
from heredity.space import Choice, Float, Int, Space

SPACE = Space({"width": Int(8, 64), "rate": Float(1e-4, 1e-1, log=True), "norm": Choice(("batch", None))})
POINT: dict[str, Json] = {"width": 16, "rate": 0.01, "norm": None}


def test_a_point_of_the_space_has_no_problems() -> None:
    assert SPACE.problems(POINT) == []


def test_an_illegal_value_is_named() -> None:
    assert SPACE.problems(POINT | {"width": 128}) == ["width: expected an integer from 8 to 64, got 128"]


def test_a_missing_value_is_named() -> None:
    assert SPACE.problems({"rate": 0.01, "norm": None}) == ["width: missing"]


def test_an_unknown_name_gets_the_nearest_known_one() -> None:
    assert SPACE.problems(POINT | {"widthx": 16}) == ["widthx: not in the space; did you mean 'width'?"]


def test_an_unknown_name_without_a_near_one_gets_none() -> None:
    assert SPACE.problems(POINT | {"colour": 16}) == ["colour: not in the space"]


def test_all_problems_are_told_at_once() -> None:
    problems = SPACE.problems({"widthx": 16, "rate": 2, "norm": "layer"})
    assert [line.partition(":")[0] for line in problems] == ["width", "widthx", "rate", "norm"]


def test_a_space_without_dimensions_has_one_point() -> None:
    assert Space({}).problems({}) == []
    assert Space({}).sample(random.Random(0)) == {}


@given(st.randoms())
def test_a_drawn_point_lies_in_the_space(rng: random.Random) -> None:
    assert SPACE.problems(SPACE.sample(rng)) == []


@pytest.mark.parametrize("seed", range(5))
def test_the_same_seed_draws_the_same_points(seed: int) -> None:
    first, second = random.Random(seed), random.Random(seed)
    assert [SPACE.sample(first) for _ in range(5)] == [SPACE.sample(second) for _ in range(5)]


def test_other_seeds_draw_other_points() -> None:
    assert SPACE.sample(random.Random(0)) != SPACE.sample(random.Random(1))


def test_dimensions_are_drawn_in_their_order() -> None:
    assert list(SPACE.sample(random.Random(0))) == ["width", "rate", "norm"]
