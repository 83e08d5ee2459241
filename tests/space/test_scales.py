"""Steps, orders, normal distributions and rounding: which values there are, and how likely they are."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter

import pytest

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.space import Choice, Float, Int, Normal, Rounded


def drawn(dimension: Float | Int | Normal | Rounded | Choice, *, num: int = 2_000) -> list[Json]:
    rng = random.Random(0)
    return [dimension.sample(rng) for _ in range(num)]


def test_steps_begin_at_the_lowest_value() -> None:
    assert set(drawn(Int(3, 10, step=3))) == {3, 6, 9}
    assert set(drawn(Float(0.1, 0.7, step=0.2))) == {0.1, 0.3, 0.5, 0.7}


def test_steps_are_counted_in_decimals() -> None:
    assert list(Float(0, 0.5, step=0.1).grid(9)) == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert Float(0, 1, step=0.1).problem(3 * 0.1) == ""


def test_a_value_between_steps_is_refused() -> None:
    assert Int(3, 10, step=3).problem(7) == "expected an integer from 3 to 10 in steps of 3, got 7"
    assert Float(0, 1, step=0.25).problem(0.3) == "expected a number from 0 to 1 in steps of 0.25, got 0.3"


def test_steps_on_a_logarithmic_scale_are_likelier_where_they_are_relatively_wide() -> None:
    counts = Counter(drawn(Int(8, 64, log=True, step=8)))
    assert set(counts) == set(range(8, 65, 8))
    assert counts[8] > 2 * counts[32]


@pytest.mark.parametrize("step", [0, -1, 0.5, True, math.nan])
def test_a_step_is_above_zero(step: float) -> None:
    with pytest.raises(ConfigError, match="as step"):
        Int(1, 9, step=step)  # type: ignore[arg-type]  # what a file may hold
    if not step > 0:
        with pytest.raises(ConfigError, match="a step above 0"):
            Float(1, 9, step=step)


def test_an_ordered_choice_has_the_values_beside_as_neighbours() -> None:
    kernels = Choice([1, 3, 5, 7], ordered=True)
    assert list(kernels.neighbours(3, random.Random(0))) == [1, 5]
    assert list(kernels.neighbours(7, random.Random(0))) == [5]
    assert kernels.distance(1, 7) == 1.0
    assert kernels.distance(1, 3) == pytest.approx(1 / 3)


def test_a_value_that_stands_twice_is_twice_as_likely() -> None:
    dimension = Choice(["a", "a", "b"])
    assert 1_250 < Counter(drawn(dimension))["a"] < 1_420
    assert dimension.size == 2
    assert list(dimension.neighbours("b", random.Random(0))) == ["a"]


def test_an_order_has_each_value_once() -> None:
    with pytest.raises(ConfigError, match="stands twice"):
        Choice([1, 2, 1], ordered=True)


def test_a_choice_of_what_json_cannot_carry_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected values that JSON can carry"):
        Choice([object()])  # type: ignore[list-item]  # what users write


def test_a_normal_distribution_has_its_mean_and_deviation() -> None:
    values = [float(str(value)) for value in drawn(Normal(2, 3))]
    assert statistics.mean(values) == pytest.approx(2, abs=0.2)
    assert statistics.stdev(values) == pytest.approx(3, abs=0.2)


def test_a_distribution_that_is_cut_off_stays_inside() -> None:
    values = [float(str(value)) for value in drawn(Normal(0, 1, low=0.5, high=1))]
    assert 0.5 <= min(values) < 0.51
    assert 0.99 < max(values) <= 1
    assert Normal(0, 1, low=0.5, high=1).problem(0) == "expected a finite number from 0.5 to 1, got 0"


def test_the_logarithm_of_a_lognormal_number_is_normal() -> None:
    values = [math.log(float(str(value))) for value in drawn(Normal(1, 0.5, log=True))]
    assert statistics.mean(values) == pytest.approx(1, abs=0.05)
    assert Normal(1, 0.5, log=True).problem(0) == "expected a number above 0, got 0"


@pytest.mark.parametrize(
    ("distribution", "message"),
    [
        ((0, 0, None, None), "a deviation above 0"),
        ((math.nan, 1, None, None), "expected a finite mean"),
        ((0, 1, math.inf, None), "expected finite bounds"),
        ((0, 1, 3, 2), "there is next to nothing"),
        ((0, 1, 50, None), "there is next to nothing"),
    ],
)
def test_a_distribution_of_nothing_is_refused(
    distribution: tuple[float, float, float | None, float | None], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Normal(*distribution)


def test_a_lognormal_number_has_bounds_above_zero_and_is_finite() -> None:
    with pytest.raises(ConfigError, match="expected finite bounds above 0"):
        Normal(0, 1, low=0, log=True)
    with pytest.raises(ConfigError, match="beyond all floats"):
        Normal(700, 3, log=True)


@pytest.mark.parametrize(
    ("dimension", "values"),
    [
        (Rounded(Float(0, 10), to=2.5), {0, 2.5, 5, 7.5, 10}),
        (Rounded(Float(2, 10), to=5), {2, 5, 10}),
        (Rounded(Float(0, 1), to=0.3), {0, 0.3, 0.6, 0.9}),
        (Rounded(Float(1, 8, log=True), to=4), {1, 4, 8}),
        (Rounded(Normal(0, 0.1, log=True), to=5), {0}),
    ],
)
def test_rounded_numbers_are_multiples_or_bounds(dimension: Rounded, values: set[float]) -> None:
    assert set(drawn(dimension)) == values
    assert all(dimension.problem(value) == "" for value in values)


def test_a_bound_that_is_no_multiple_has_a_smaller_share() -> None:
    """As NNI draws them: what lies within half a multiple is rounded to it."""
    counts = Counter(drawn(Rounded(Float(2, 10), to=5)))
    assert counts[5] == pytest.approx(2_000 * 5 / 8, abs=80)
    assert counts[2] == pytest.approx(2_000 * 0.5 / 8, abs=40)


def test_a_number_that_is_not_rounded_is_refused() -> None:
    expected = "expected a number from 2 to 10, rounded to a multiple of 5, got 4"
    assert Rounded(Float(2, 10), to=5).problem(4) == expected
    assert Rounded(Float(0, 1), to=0.1).problem(0.1 * 3) == ""
    assert Rounded(Float(0, 1), to=0.1).problem(math.nan)


def test_rounding_and_steps_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="have a step already"):
        Rounded(Float(0, 1, step=0.1), to=0.1)
    with pytest.raises(ConfigError, match="a multiple above 0"):
        Rounded(Float(0, 1), to=0)


def test_a_step_to_a_neighbour_is_one_multiple() -> None:
    assert list(Rounded(Float(2, 10), to=5).neighbours(5, random.Random(0))) == [2, 10]
    assert list(Rounded(Normal(0, 1), to=5).neighbours(0, random.Random(0))) == [-5, 5]
