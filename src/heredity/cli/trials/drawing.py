"""Curves in one line of text."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], *, width: int) -> str:
    """Values as a row of bars, from the least to the greatest; each bar is the mean of its share of them.

    Args:
        values: Finite numbers, in order.
        width: How many bars at most.
    """
    if not values:
        return ""
    num_bars = min(width, len(values))
    bounds = [i * len(values) // num_bars for i in range(num_bars + 1)]
    means = [_mean(values[start:end]) for start, end in itertools.pairwise(bounds)]
    low, high = min(means), max(means)
    room = high / 2 - low / 2  # halves, since a difference of large values could be infinite
    if not room:
        return BARS[0] * num_bars
    return "".join(BARS[round((mean / 2 - low / 2) / room * (len(BARS) - 1))] for mean in means)


def _mean(values: Sequence[float]) -> float:
    return sum(value / len(values) for value in values)  # a sum of large values could be infinite
