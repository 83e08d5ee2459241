"""Whether two measurements order the same things alike: Kendall's tau and Spearman's rho."""

from __future__ import annotations

import math
from collections.abc import Sequence


def kendall_tau(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Kendall's tau-b (1945), in which ties count for neither order.

    Args:
        first: One measurement of each thing.
        second: The other, in the same order.

    Returns:
        From -1 to 1; None where a measurement tells nothing apart.
    """
    concordance, untied_first, untied_second = 0, 0, 0
    for index, pair in enumerate(zip(first, second, strict=True)):
        for other in range(index):
            signs = _sign(pair[0] - first[other]), _sign(pair[1] - second[other])
            concordance += signs[0] * signs[1]
            untied_first += abs(signs[0])
            untied_second += abs(signs[1])
    if not untied_first or not untied_second:
        return None
    return concordance / math.sqrt(untied_first * untied_second)


def spearman_rho(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's rho (1904): the correlation of ranks, the mean rank for those that are tied.

    Args:
        first: One measurement of each thing.
        second: The other, in the same order.

    Returns:
        From -1 to 1; None where a measurement tells nothing apart.
    """
    ranks, other_ranks = _centred_ranks(first), _centred_ranks(second)
    spread, other_spread = (sum(rank * rank for rank in each) for each in (ranks, other_ranks))
    if not spread or not other_spread:
        return None
    product = sum(rank * other for rank, other in zip(ranks, other_ranks, strict=True))
    return product / math.sqrt(spread * other_spread)


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _centred_ranks(values: Sequence[float]) -> list[float]:
    """From below 0 for the lowest to above 0 for the highest, with a mean of 0."""
    return [sum(_sign(value - other) for other in values) / 2 for value in values]
