"""Rank correlations, against values of scipy 1.17."""

from __future__ import annotations

import pytest

from heredity.experiment.measuring import kendall_tau, spearman_rho


@pytest.mark.parametrize(
    ("first", "second", "tau", "rho"),
    [
        ([1, 2, 3], [10, 20, 30], 1.0, 1.0),
        ([1, 2, 3], [3, 2, 1], -1.0, -1.0),
        ([1, 2, 3, 4], [2, 1, 4, 3], 1 / 3, 0.6),
        ([1, 2, 2, 3, 5], [2, 1, 3, 3, 4], 0.6666666666666666, 0.7631578947368421),
    ],
)
def test_orders_are_compared(first: list[float], second: list[float], tau: float, rho: float) -> None:
    assert kendall_tau(first, second) == pytest.approx(tau)
    assert spearman_rho(first, second) == pytest.approx(rho)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 1.0, 1.0]])
def test_what_tells_nothing_apart_has_no_order(values: list[float]) -> None:
    others = [float(number) for number in range(len(values))]
    assert kendall_tau(values, others) is None
    assert spearman_rho(others, values) is None
