"""How many points there are, and all of them."""

from __future__ import annotations

import pytest

from heredity.errors import ConfigError
from heredity.space import Choice, Float, Group, Int, Nested, Normal, Repeat, Space, When

NESTED = Nested({"conv": {"kernel": Choice([1, 3])}, "pool": {}})
CONDITIONAL = Space(
    {"layers": Int(1, 3), "second": Int(1, 4), "third": Int(1, 5), "kind": Choice(["a", "b"])},
    {"second": When("layers", at_least=2), "third": When("layers", at_least=3)},
)


@pytest.mark.parametrize(
    ("space", "size"),
    [
        (Space({}), 1),
        (Space({"a": Int(1, 3), "b": Choice(["x", "y"])}), 6),
        (Space({"a": Float(0, 1, step=0.1)}), 11),
        (Space({"a": NESTED}), 3),
        (Space({"a": Repeat(NESTED, 0, 2), "b": Group({"c": Int(1, 2)})}), (1 + 3 + 9) * 2),
        (CONDITIONAL, (1 + 4 + 4 * 5) * 2),
    ],
)
def test_the_points_of_a_space_are_counted_and_gone_through(space: Space, size: int) -> None:
    assert space.size == size
    points = list(space.grid(100))
    assert len({space.fingerprint(point) for point in points}) == len(points) == size
    assert all(space.problems(point) == [] for point in points)


@pytest.mark.parametrize("dimension", [Float(0, 1), Normal(0, 1), Repeat(Float(0, 1), 0, 1)])
def test_endlessly_many_points_are_not_counted(dimension: Float | Normal | Repeat) -> None:
    assert Space({"x": dimension, "y": Int(1, 2)}).size is None


def test_a_condition_that_reads_too_much_is_not_gone_through() -> None:
    dimensions = {"a": Int(1, 10**9), "b": Int(1, 2)}
    assert Space(dimensions).size == 2 * 10**9
    assert Space(dimensions, {"b": When("a", at_least=5)}).size is None


def test_a_grid_is_evenly_spread_and_has_its_ends() -> None:
    assert list(Int(1, 100).grid(3)) == [1, 51, 100]
    assert list(Float(0, 1).grid(5)) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert list(Float(1, 100, log=True).grid(3)) == pytest.approx([1, 10, 100])
    assert list(Float(0, 1).grid(1)) == [0.5]


def test_a_grid_leaves_out_what_constraints_reject() -> None:
    space = Space({"a": Int(1, 3), "b": Int(1, 3)}, constraints=["a < b"])
    assert [tuple(point.values()) for point in space.grid(3)] == [(1, 2), (1, 3), (2, 3)]


def test_a_grid_has_at_least_one_value() -> None:
    for dimension in (Int(1, 2), Float(0, 1), Normal(0, 1), Choice([1])):
        with pytest.raises(ConfigError, match="expected at least one value for each dimension, got 0"):
            list(dimension.grid(0))
