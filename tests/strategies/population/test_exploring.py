"""Exploring: what becomes of each kind of hyperparameter."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.space.spaces import spaces

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.space import Choice, Float, Int, Normal, Repeat, Rounded, Scalar, Space, When
from heredity.strategies.population.exploring import Explorer, perturbed


@pytest.mark.parametrize(
    ("dimension", "value", "smaller", "larger"),
    [
        (Float(0.0, 10.0), 5.0, 4.0, 6.0),
        (Float(1e-4, 1e-1, log=True), 0.01, 0.008, 0.012),
        (Float(0.0, 1.0, step=0.1), 0.5, 0.4, 0.6),
        (Float(0.0, 1.0, step=0.5), 0.5, 0.0, 1.0),  # 0.6 is rounded to 0.5: one step instead
        (Float(0.0, 10.0), 9.0, 7.2, 10.0),
        (Int(1, 100), 50, 40, 60),
        (Int(1, 100), 2, 1, 3),
        (Int(1, 3), 3, 2, 3),
        (Int(8, 64, step=8), 16, 8, 24),
        (Int(-5, 5), -2, -1, -3),
        (Int(-5, 5), 0, -1, 1),
        (Normal(0.0, 1.0), -1.0, -0.8, -1.2),
        (Normal(0.0, 1.0, low=-1.1, high=1.1), 1.0, 0.8, 1.1),
        (Rounded(Float(0.0, 10.0), to=2.0), 4.0, 2.0, 6.0),
        (Choice([1, 3, 5], ordered=True), 3, 1, 5),
        (Choice([1, 3, 5], ordered=True), 5, 3, 5),
        (Choice(["relu", "gelu", "tanh"]), "gelu", "gelu", "gelu"),
    ],
)
def test_a_value_becomes_smaller_or_larger(
    dimension: Scalar, value: Json, smaller: Json, larger: Json
) -> None:
    rng = random.Random(0)
    assert perturbed(dimension, value, 0.8, rng) == pytest.approx(smaller)
    assert perturbed(dimension, value, 1.2, rng) == pytest.approx(larger)


def test_a_zero_among_floats_is_not_stuck() -> None:
    assert perturbed(Float(-1.0, 1.0), 0.0, 1.2, random.Random(0)) != 0.0


@given(spaces(), st.integers(0, 2**31))
def test_explored_points_are_legal(space: Space, seed: int) -> None:
    rng = random.Random(seed)
    point = space.sample(rng)
    assert space.problems(Explorer(space).explore(point, rng)) == []


def test_some_values_are_drawn_anew() -> None:
    explorer, rng = Explorer(Space({"x": Float(0.0, 1.0)}), resample=0.25), random.Random(0)
    drawn = [explorer.explore({"x": 0.5}, rng)["x"] for _ in range(1_000)]
    assert drawn.count(0.4) == pytest.approx(375, abs=50)
    assert drawn.count(0.6) == pytest.approx(375, abs=50)


def test_a_choice_without_order_changes_only_when_it_is_drawn_anew() -> None:
    space = Space({"kind": Choice(["a", "b"])})
    rng = random.Random(0)
    kept = Explorer(space, resample=0.0).explore({"kind": "a"}, rng)
    drawn = [Explorer(space, resample=1.0).explore({"kind": "a"}, rng)["kind"] for _ in range(20)]
    assert kept == {"kind": "a"}
    assert "b" in drawn


def test_what_is_not_explored_stays() -> None:
    space = Space({"rate": Float(0.0, 1.0), "blocks": Repeat({"width": Int(8, 64)}, 1, 4)})
    point: dict[str, Json] = {"rate": 0.5, "blocks": [{"width": 16}, {"width": 32}]}
    explored = Explorer(space, names=["rate"]).explore(point, random.Random(0))
    assert explored["blocks"] == point["blocks"]
    assert explored["rate"] != 0.5


def test_what_becomes_active_is_drawn() -> None:
    space = Space(
        {"depth": Choice([1, 2], ordered=True), "second": Int(8, 64)},
        conditions={"second": When("depth", at_least=2)},
    )
    rng = random.Random(0)
    explored = [Explorer(space, resample=0.0).explore({"depth": 1}, rng) for _ in range(10)]
    assert {len(point) for point in explored} == {1, 2}


def test_a_point_stays_where_constraints_allow_no_other() -> None:
    space = Space({"x": Int(1, 100)}, constraints=["x == 50"])
    assert Explorer(space, resample=0.0).explore({"x": 50}, random.Random(0)) == {"x": 50}


@pytest.mark.parametrize("factors", [(1.0, 1.2), (0.8, 1.0), (0.0, 2.0), (1.2, 0.8), (0.8, float("inf"))])
def test_factors_lie_on_both_sides_of_one(factors: tuple[float, float]) -> None:
    with pytest.raises(ConfigError, match="factors: expected one from 0 to 1, and one above 1"):
        Explorer(Space({"x": Float(0.0, 1.0)}), factors=factors)


def test_unknown_names_and_impossible_probabilities_are_refused() -> None:
    space = Space({"x": Float(0.0, 1.0)})
    with pytest.raises(ConfigError, match=r"explored: 'y' is not in the space, which has \['x'\]"):
        Explorer(space, names=["y"])
    with pytest.raises(ConfigError, match=r"resample: expected a probability, got 1\.5"):
        Explorer(space, resample=1.5)
