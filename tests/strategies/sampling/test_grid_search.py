"""Grid search: every point of a grid that is allowed, in order."""

from __future__ import annotations

import pytest

from heredity.errors import ConfigError
from heredity.space import Choice, Float, Int, Space
from heredity.strategies import GridSearch, NoProposal, Proposal, Strategy
from heredity.testing.strategy_suite import StrategySuite


class TestGridSearchAsStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return GridSearch({"width": Int(1, 9), "rate": Float(0, 1)}, num_values=3, max_steps=2)


def points(strategy: Strategy) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    while isinstance(answer := strategy.ask(), Proposal):
        found.append(tuple(answer.parameters.values()))
    assert answer is NoProposal.EXHAUSTED
    return found


def test_the_last_dimension_changes_fastest() -> None:
    space = Space({"rate": Float(0, 1), "activation": Choice(["relu", "gelu", "tanh"])})
    assert points(GridSearch(space, num_values=2)) == [
        (0.0, "relu"), (0.0, "gelu"), (0.0, "tanh"), (1.0, "relu"), (1.0, "gelu"), (1.0, "tanh"),
    ]  # fmt: skip


def test_points_that_constraints_forbid_are_left_out() -> None:
    space = Space({"a": Int(1, 3), "b": Int(1, 3)}, constraints=["a + b == 4"])
    assert points(GridSearch(space, num_values=3)) == [(1, 3), (2, 2), (3, 1)]


def test_a_grid_has_at_least_one_value_of_each_dimension() -> None:
    with pytest.raises(ConfigError, match="num_values: expected at least 1, got 0"):
        GridSearch({"a": Int(1, 3)}, num_values=0)
