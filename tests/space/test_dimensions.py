"""Dimensions: which values are legal, what is said of the others, and what is drawn."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.space import Choice, Float, Int

FINITE = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(min_value=5e-324, allow_infinity=False)


# --- choices ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1, 2.0, "relu", None, False, [1, 2]])
def test_a_choice_takes_its_values(value: Json) -> None:
    assert Choice((1, 2.0, "relu", None, False, [1, 2])).problem(value) == ""


@pytest.mark.parametrize(
    ("known", "value"),
    [
        *((1, other) for other in (1.0, True, "1", 2)),
        *((1.0, other) for other in (1, True)),
        *((True, other) for other in (1, 1.0)),
        *((None, other) for other in (False, 0, "")),
        *(([1, 2], other) for other in ([1, 2.0], [True, 2], [2, 1], [1])),
        ({"width": 1}, {"width": True}),
        ([{"width": 1}], [{"width": 1.0}]),
    ],
)
def test_a_choice_takes_no_value_that_only_seems_equal(known: Json, value: Json) -> None:
    assert Choice((known,)).problem(value) == f"expected one of {known!r}, got {value!r}"


def test_a_choice_names_all_its_values() -> None:
    assert Choice(("a", 1)).problem("b") == "expected one of 'a', 1, got 'b'"


@pytest.mark.parametrize("value", [math.nan, {1}, b"a"])
def test_what_is_no_json_is_no_choice(value: object) -> None:
    assert Choice(("a",)).problem(value) == f"expected one of 'a', got {value!r}"  # type: ignore[arg-type]  # meant


def test_a_choice_has_values() -> None:
    with pytest.raises(ConfigError, match="expected at least one value, got none"):
        Choice(())


def test_every_value_of_a_choice_is_as_likely_as_the_others() -> None:
    rng = random.Random(0)
    drawn = Counter(Choice(("a", "b", "c")).sample(rng) for _ in range(3_000))
    assert set(drawn) == {"a", "b", "c"}
    assert all(900 < number < 1_100 for number in drawn.values())


# --- numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [3, 4, 5])
def test_an_integer_dimension_takes_its_bounds_and_all_between(value: int) -> None:
    assert Int(3, 5).problem(value) == ""


@pytest.mark.parametrize("value", [2, 6, 4.0, True, "4", None, [4]])
def test_an_integer_dimension_takes_nothing_else(value: Json) -> None:
    assert Int(3, 5).problem(value) == f"expected an integer from 3 to 5, got {value!r}"


def test_a_truth_value_is_no_integer_within_the_bounds() -> None:
    assert Int(0, 1).problem(True)
    assert Float(0, 1).problem(True)


@pytest.mark.parametrize("value", [0.5, 1, 1.5, 2.0])
def test_a_float_dimension_takes_its_bounds_and_all_between(value: float) -> None:
    assert Float(0.5, 2.0).problem(value) == ""


@pytest.mark.parametrize("value", [0.4, 2.1, math.nan, math.inf, -math.inf, True, "1", None, [1.0]])
def test_a_float_dimension_takes_nothing_else(value: Json) -> None:
    assert Float(0.5, 2.0).problem(value) == f"expected a number from 0.5 to 2.0, got {value!r}"


@pytest.mark.parametrize(
    ("low", "high"), [(2, 1), (math.nan, 1), (0, math.nan), (-math.inf, 0), (0, math.inf)]
)
def test_bounds_are_finite_and_in_order(low: float, high: float) -> None:
    with pytest.raises(ConfigError, match="Float: expected finite bounds, low <= high, got"):
        Float(low, high)


def test_bounds_of_an_integer_dimension_are_in_order() -> None:
    with pytest.raises(ConfigError, match=r"Int: expected finite bounds, low <= high, got low=2, high=1\."):
        Int(2, 1)


@pytest.mark.parametrize(("low", "high"), [(0.5, 3), (1, 2.5), (1.0, 3.0), (False, True), (1, math.inf)])
def test_bounds_of_an_integer_dimension_are_integers(low: float, high: float) -> None:
    with pytest.raises(ConfigError, match="Int: expected integers as bounds"):
        Int(low, high)  # type: ignore[arg-type]  # what a file may hold


@pytest.mark.parametrize("low", [0, -1])
@pytest.mark.parametrize("kind", [Int, Float])
def test_a_logarithmic_scale_begins_above_zero(kind: type[Int | Float], low: int) -> None:
    with pytest.raises(ConfigError, match=f"{kind.__name__}: a logarithmic scale needs low > 0, got {low}"):
        kind(low, 10, log=True)


def test_one_value_is_a_dimension() -> None:
    rng = random.Random(0)
    assert Int(3, 3).sample(rng) == 3
    assert Int(3, 3, log=True).sample(rng) == 3
    assert Float(0.5, 0.5).sample(rng) == 0.5


def test_dimensions_are_equal_by_value() -> None:
    assert Int(1, 2) == Int(1, 2) != Int(1, 2, log=True)
    assert Choice((1, 2)) == Choice((1, 2))
    assert Float(1, 2) == Float(1.0, 2.0)


# --- samples ------------------------------------------------------------------------------------------------


def ints(low: int, high: int, *, log: bool) -> st.SearchStrategy[Int]:
    """Integer dimensions within these bounds."""
    bound = st.integers(low, high)
    return st.builds(lambda a, b: Int(min(a, b), max(a, b), log=log), bound, bound)


def floats(bound: st.SearchStrategy[float], *, log: bool) -> st.SearchStrategy[Float]:
    """Float dimensions with these bounds."""
    return st.builds(lambda a, b: Float(min(a, b), max(a, b), log=log), bound, bound)


@given(ints(-(10**9), 10**9, log=False) | ints(1, 10**18, log=True), st.randoms())
def test_drawn_integers_lie_in_the_dimension(dimension: Int, rng: random.Random) -> None:
    assert dimension.problem(dimension.sample(rng)) == ""


@given(floats(FINITE, log=False) | floats(POSITIVE, log=True), st.randoms())
@example(Float(0.1, 0.1, log=True), random.Random(0))
@example(Float(-1.7e308, 1.7e308), random.Random(0))
def test_drawn_floats_lie_in_the_dimension(dimension: Float, rng: random.Random) -> None:
    assert dimension.problem(dimension.sample(rng)) == ""


def test_floats_are_drawn_evenly_over_the_widest_range() -> None:
    """The distance between the bounds may be larger than any float."""
    rng = random.Random(0)
    drawn = [Float(-1.7e308, 1.7e308).sample(rng) for _ in range(1_000)]
    num_negative = sum(isinstance(value, float) and value < 0 for value in drawn)
    assert 430 < num_negative < 570
    assert len(set(drawn)) == 1_000


def test_integers_are_drawn_evenly() -> None:
    rng = random.Random(0)
    drawn = Counter(Int(1, 4).sample(rng) for _ in range(4_000))
    assert all(900 < drawn[value] < 1_100 for value in (1, 2, 3, 4))


def test_the_ends_of_a_logarithmic_scale_are_as_likely_as_their_neighbours() -> None:
    """Each integer has the part of the scale that is rounded to it: log((n + 0.5) / (n - 0.5))."""
    rng = random.Random(0)
    num_drawn = 40_000
    drawn = Counter(Int(1, 4, log=True).sample(rng) for _ in range(num_drawn))
    for value in (1, 2, 3, 4):
        share = math.log((value + 0.5) / (value - 0.5)) / math.log(4.5 / 0.5)
        assert drawn[value] / num_drawn == pytest.approx(share, abs=0.01)


def test_every_power_of_ten_is_as_likely_on_a_logarithmic_scale() -> None:
    rng = random.Random(0)
    dimension = Float(1e-4, 1e-1, log=True)
    powers = Counter(math.floor(math.log10(float(str(dimension.sample(rng))))) for _ in range(6_000))
    assert set(powers) == {-4, -3, -2}
    assert all(1_850 < number < 2_150 for number in powers.values())
