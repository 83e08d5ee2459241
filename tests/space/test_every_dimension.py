"""What holds for dimensions of every kind: draws are legal, mutants differ, all forms lead back."""

from __future__ import annotations

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st
from tests.space.spaces import RNGS, dimensions, scalars

from heredity.encoding import decode, encode
from heredity.space import Choice, Dimension, Scalar, Space, parse_space

UNITS = st.floats(0, 1)


@given(dimensions(), RNGS)
def test_what_is_drawn_is_legal(dimension: Dimension, rng: random.Random) -> None:
    assert dimension.problem(dimension.sample(rng)) == ""


@given(dimensions(), RNGS)
def test_a_mutant_is_legal_and_differs_if_there_is_another_value(
    dimension: Dimension, rng: random.Random
) -> None:
    value = dimension.sample(rng)
    mutant = dimension.mutate(value, rng)
    assert dimension.problem(mutant) == ""
    is_alone = dimension.size == 1 or not list(dimension.neighbours(value, rng))
    assert is_alone or encode(dimension.canonical(mutant)) != encode(dimension.canonical(value))


@given(dimensions(), RNGS)
def test_neighbours_are_legal_and_differ(dimension: Dimension, rng: random.Random) -> None:
    value = dimension.sample(rng)
    for neighbour in itertools.islice(dimension.neighbours(value, rng), 20):
        assert dimension.problem(neighbour) == ""
        assert encode(dimension.canonical(neighbour)) != encode(dimension.canonical(value))


@given(dimensions(), RNGS)
def test_a_distance_is_symmetric_from_0_to_1_and_0_to_itself(
    dimension: Dimension, rng: random.Random
) -> None:
    first, second = dimension.sample(rng), dimension.sample(rng)
    assert dimension.distance(first, first) == 0.0
    assert 0.0 <= dimension.distance(first, second) <= 1.0
    assert abs(dimension.distance(first, second) - dimension.distance(second, first)) < 1e-12


@given(dimensions(), RNGS)
def test_the_json_form_leads_back(dimension: Dimension, rng: random.Random) -> None:
    space = Space({"x": dimension})
    again = parse_space(decode(encode(space.to_json())))
    assert again == space
    state = rng.getstate()
    drawn = again.sample(rng)
    rng.setstate(state)
    assert drawn == space.sample(rng)


@given(dimensions(), RNGS)
def test_the_canonical_form_is_legal_and_its_own(dimension: Dimension, rng: random.Random) -> None:
    canonical = dimension.canonical(dimension.sample(rng))
    assert dimension.problem(canonical) == ""
    assert encode(dimension.canonical(canonical)) == encode(canonical)


@given(scalars(), RNGS)
def test_the_unit_interval_leads_back(dimension: Scalar, rng: random.Random) -> None:
    value = dimension.sample(rng)
    unit = dimension.to_unit(value)
    assert 0.0 <= unit <= 1.0
    assert dimension.distance(dimension.from_unit(unit), value) < 1e-9


@given(scalars(), UNITS)
def test_every_number_of_the_unit_interval_is_a_legal_value(dimension: Scalar, unit: float) -> None:
    assert dimension.problem(dimension.from_unit(unit)) == ""


@given(
    scalars().filter(lambda one: not isinstance(one, Choice) or one.ordered),
    st.tuples(UNITS, UNITS).map(sorted),
)
def test_the_unit_interval_keeps_the_order(dimension: Scalar, units: list[float]) -> None:
    lower, higher = (dimension.to_unit(dimension.from_unit(unit)) for unit in units)
    assert lower <= higher + 1e-9


@given(scalars(), st.integers(1, 6))
def test_a_grid_has_distinct_legal_values(dimension: Scalar, num: int) -> None:
    values = [encode(dimension.canonical(value)) for value in dimension.grid(num)]
    assert all(dimension.problem(value) == "" for value in dimension.grid(num))
    assert len(set(values)) == len(values) >= min(num, dimension.size or num, 1)


@given(scalars())
def test_a_grid_of_all_values_has_as_many_as_the_size_says(dimension: Scalar) -> None:
    if dimension.size is not None:
        assert len(list(dimension.grid(dimension.size))) == dimension.size
