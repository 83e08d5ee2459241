"""The edit distance of architectures is a metric, and counts what the paper counts."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from tests.space.spaces import RNGS, spaces
from tests.strategies.morphism.networks import BLOCKS, network

from heredity.space import Choice, Float, Int, Nested, Repeat, Space, When
from heredity.strategies.morphism import EditDistance, distance

apart = EditDistance(BLOCKS)
ROUNDING = 1e-9


def test_an_inserted_block_costs_one_wherever_it_stands() -> None:
    assert apart(network(8, 16), network(8, 16, 32)) == 1.0
    assert apart(network(8, 16), network(32, 8, 16)) == 1.0


def test_a_width_counts_by_its_share_of_the_wider_one() -> None:
    """A third of a block here, which has three names."""
    assert apart(network(8), network(16)) == pytest.approx(0.5 / 3)
    assert EditDistance(Space({"width": Int(4, 64)}))({"width": 48}, {"width": 64}) == 0.25


def test_an_ordered_choice_of_other_things_counts_by_places() -> None:
    space = Space({"size": Choice(["small", "medium", "large"], ordered=True)})
    assert EditDistance(space)({"size": "small"}, {"size": "medium"}) == pytest.approx(0.5)
    assert EditDistance(space)({"size": "small"}, {"size": "large"}) == pytest.approx(1.0)


def test_a_rate_counts_on_its_own_scale() -> None:
    space = Space({"rate": Float(1e-4, 1e-2, log=True)})
    assert EditDistance(space)({"rate": 1e-4}, {"rate": 1e-3}) == pytest.approx(0.5)


def test_what_has_no_order_is_equal_or_not() -> None:
    assert apart(network(8), network(8, activation="gelu")) == 1.0


def test_true_is_not_one() -> None:
    assert EditDistance(Space({"x": Choice([1, True, None])}))({"x": 1}, {"x": True}) == 1.0


def test_a_name_that_only_one_has_costs_one() -> None:
    space = Space({"layers": Int(1, 2), "second": Int(8, 64)}, conditions={"second": When("layers", 2)})
    assert EditDistance(space)({"layers": 1}, {"layers": 2, "second": 8}) == 0.5 + 1.0


def test_another_option_costs_one_and_what_comes_and_goes_with_it() -> None:
    space = Space({"layer": Nested({"conv": {"kernel": Int(1, 5), "width": Int(8, 64)}, "pool": {}})})
    conv: dict[str, Any] = {"layer": {"_name": "conv", "kernel": 1, "width": 8}}
    wide: dict[str, Any] = {"layer": {"_name": "conv", "kernel": 1, "width": 32}}
    pool: dict[str, Any] = {"layer": {"_name": "pool"}}
    assert EditDistance(space)(conv, wide) == 0.75
    assert EditDistance(space)(conv, pool) == 3.0


@given(spaces(), RNGS)
@settings(deadline=None)
def test_it_is_a_metric_on_any_space(space: Space, rng: random.Random) -> None:
    points = [space.sample(rng) for _ in range(4)]
    points.append(space.other(points[0], rng) or points[0])
    table = EditDistance(space).table(points, points)
    assert (table == table.T).all()
    equal = [[space.fingerprint(a) == space.fingerprint(b) for b in points] for a in points]
    assert (table[np.array(equal)] == 0.0).all()
    # Six deviations from its mean, normal values can no longer be told apart on the unit interval.
    alike = [[space.to_units(a) == space.to_units(b) for b in points] for a in points]
    assert (table[~np.array(equal) & ~np.array(alike)] > 0.0).all()
    detours = (table[:, :, None] + table[None, :, :]).min(axis=1)
    assert (table <= detours + ROUNDING).all()


@given(RNGS)
@settings(deadline=None)
def test_many_at_once_are_what_each_pair_is(rng: random.Random) -> None:
    points = [BLOCKS.sample(rng) for _ in range(6)]
    table = apart.table(points[:4], points)
    assert table.tolist() == [[apart(a, b) for b in points] for a in points[:4]]


def test_large_tables_are_made_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(0)
    points = [BLOCKS.sample(rng) for _ in range(10)]
    whole = apart.table(points, points)
    monkeypatch.setattr(distance, "_MAX_CELLS", 1)
    assert (apart.table(points, points) == whole).all()


def test_tables_may_be_empty() -> None:
    assert apart.table([], []).shape == (0, 0)
    assert apart.table([network(8)], []).shape == (1, 0)
    assert apart.table([], [network(8)]).shape == (0, 1)


def slow_alignment(first: list[float], second: list[float]) -> float:
    """All ways to align two lists of widths, tried out."""
    if not first or not second:
        return float(len(first) + len(second))
    (a, *rest_a), (b, *rest_b) = first, second
    return min(
        slow_alignment(rest_a, rest_b) + abs(a - b) / max(a, b),
        slow_alignment(first, rest_b) + 1,
        slow_alignment(rest_a, second) + 1,
    )


@given(RNGS)
@settings(deadline=None)
def test_no_alignment_is_cheaper(rng: random.Random) -> None:
    space = Space({"widths": Repeat(Int(1, 9), 0, 4)})
    first, second = ([rng.randint(1, 9) for _ in range(rng.randint(0, 4))] for _ in "ab")
    found = EditDistance(space)({"widths": first}, {"widths": second})
    assert found == pytest.approx(slow_alignment([*first], [*second]))
