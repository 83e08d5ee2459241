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
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((mean - low) * scale)] for mean in means)


def _mean(values: Sequence[float]) -> float:
    return sum(value / len(values) for value in values)  # a sum of large values could be infinite
