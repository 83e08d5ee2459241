"""Points that are given once."""

from __future__ import annotations

import random

import pytest

from heredity.errors import ConfigError
from heredity.space import Choice, Float, Int, Space
from heredity.strategies.sampling import UntriedPoints


def drawn(points: UntriedPoints, rng: random.Random) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    while (point := points.draw(rng)) is not None:
        found.append(tuple(point.values()))
    return found


def test_each_point_of_a_finite_space_is_drawn_once() -> None:
    space = Space({"width": Int(1, 20), "deep": Choice([False, True])})
    found = drawn(UntriedPoints(space), random.Random(0))
    assert len(found) == 40
    assert set(found) == {(width, deep) for width in range(1, 21) for deep in (False, True)}


def test_what_constraints_allow_is_found_however_rare_it_is() -> None:
    space = Space({"a": Int(1, 20), "b": Int(1, 20)}, constraints=["a * b == 9"])
    assert sorted(drawn(UntriedPoints(space), random.Random(0))) == [(1, 9), (3, 3), (9, 1)]


def test_a_claimed_point_is_not_drawn() -> None:
    points = UntriedPoints(Space({"width": Int(1, 3)}))
    assert points.claim({"width": 2})
    assert sorted(drawn(points, random.Random(0))) == [(1,), (3,)]


def test_a_point_can_be_claimed_once() -> None:
    points = UntriedPoints(Space({"width": Int(1, 3)}))
    assert [points.claim({"width": 2}), points.claim({"width": 2})] == [True, False]


def test_a_point_that_was_drawn_cannot_be_claimed() -> None:
    points = UntriedPoints(Space({"width": Float(0, 1)}))
    point = points.draw(random.Random(0))
    assert point is not None
    assert not points.claim(point)


def test_a_point_can_be_claimed_while_the_last_ones_are_drawn() -> None:
    points, rng = UntriedPoints(Space({"width": Choice([1, 1, 1, 1, 1, 2, 3])})), random.Random(0)
    points.draw(rng)
    points.draw(rng)
    points.claim({"width": 3})
    points.claim({"width": 2})
    assert points.draw(rng) is None


def test_a_space_too_large_to_walk_through_counts_as_empty_when_draws_bring_nothing_new() -> None:
    space = Space({"a": Int(1, 200_000, log=True)}, constraints=["a <= 3"])
    points = UntriedPoints(space)
    assert sorted(drawn(points, random.Random(0))) == [(1,), (2,), (3,)]


def test_a_space_without_any_point_says_why() -> None:
    space = Space({"a": Int(1, 9)}, constraints=["a > 9"])
    with pytest.raises(ConfigError, match="no point of the space was found"):
        UntriedPoints(space).draw(random.Random(0))
