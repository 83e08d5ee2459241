"""The arithmetic of halving, against the tables of the papers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heredity.errors import ConfigError
from heredity.strategies.halving.rungs import Plan, Rung, halving_plan, hyperband_plans, rung_steps


def table(plan: Plan) -> list[tuple[int, int]]:
    return [(rung.num_configurations, rung.max_steps) for rung in plan.rungs]


def test_hyperband_has_the_brackets_of_its_paper() -> None:
    """Algorithm 1 of Li et al. 2018 with R = 81 and eta = 3."""
    assert {plan.bracket: table(plan) for plan in hyperband_plans(1, 81, reduction=3)} == {
        4: [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        3: [(34, 3), (11, 9), (3, 27), (1, 81)],
        2: [(15, 9), (5, 27), (1, 81)],
        1: [(8, 27), (2, 81)],
        0: [(5, 81)],
    }


def test_a_halving_keeps_one_in_eta() -> None:
    """Algorithm 1 of Li et al. 2020, figure 1: n = 9, r = 1, R = 9, eta = 3."""
    assert table(halving_plan(9, rung_steps(1, 9, reduction=3), reduction=3)) == [(9, 1), (3, 3), (1, 9)]


def test_steps_are_counted_down_from_the_top() -> None:
    assert rung_steps(2, 100, reduction=3) == (3, 11, 33, 100)


def test_one_rung_is_left_where_the_least_is_the_most() -> None:
    assert rung_steps(7, 7, reduction=2) == (7,)


def test_exact_powers_are_not_missed_by_rounding() -> None:
    """math.log(243, 3) is 4.999999999999999."""
    assert rung_steps(1, 243, reduction=3) == (1, 3, 9, 27, 81, 243)


@given(st.integers(1, 50), st.integers(0, 5_000), st.integers(2, 7))
def test_rungs_lie_between_the_least_and_the_most(least: int, more: int, reduction: int) -> None:
    steps = rung_steps(least, least + more, reduction=reduction)
    assert steps[0] >= least
    assert steps[0] < least * reduction
    assert steps[-1] == least + more
    assert all(low * reduction <= high < (low + 1) * reduction for low, high in pairwise(steps))


@given(st.integers(1, 5), st.integers(5, 2_000), st.integers(2, 5))
def test_every_bracket_of_hyperband_reaches_the_top(least: int, most: int, reduction: int) -> None:
    plans = hyperband_plans(least, most, reduction=reduction)
    assert [plan.bracket for plan in plans] == list(range(len(plans) - 1, -1, -1))
    assert all(plan.rungs[-1].max_steps == most and plan.rungs[-1].num_configurations >= 1 for plan in plans)


def test_brackets_cost_much_the_same() -> None:
    """Each has about the budget B, if trials begin anew at every rung, as the paper counts."""
    costs = [sum(n * steps for n, steps in table(plan)) for plan in hyperband_plans(1, 81, reduction=3)]
    assert max(costs) < 1.15 * 5 * 81
    assert min(costs) > 0.8 * 5 * 81


@pytest.mark.parametrize(
    ("min_steps", "max_steps", "reduction", "told"),
    [
        (0, 9, 3, "min_steps: expected at least 1, got 0"),
        (1, 9, 1, "reduction: expected at least 2, got 1"),
        (10, 9, 3, "max_steps: expected at least min_steps = 10, got 9"),
    ],
)
def test_steps_that_leave_no_rungs_are_refused(
    min_steps: int, max_steps: int, reduction: int, told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        rung_steps(min_steps, max_steps, reduction=reduction)


def test_so_few_that_none_reaches_the_top_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"expected at least 9, so that one of them reaches 9 steps, got 8"):
        halving_plan(8, (1, 3, 9), reduction=3)


def test_a_plan_is_plain_data() -> None:
    assert halving_plan(2, (1, 2), reduction=2) == Plan(1, (Rung(2, 1), Rung(1, 2)))
