"""How well scores rank what is known: Kendall's tau, what is left of it without size, ceilings, regrets."""

from __future__ import annotations

import itertools
import random
import statistics
from collections.abc import Sequence

import numpy as np
from oneshot_tables import NUM_SEEDS, Row

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Numbers = Sequence[float] | Array


def tau(ours: Numbers, theirs: Numbers) -> float:
    """Kendall's tau-b: 1 where two rankings agree, 0 where they have nothing to do with one another."""
    x, y = _signs(ours), _signs(theirs)
    norm = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / norm if norm else 0.0


def partial_tau(ours: Numbers, theirs: Numbers, given: Numbers) -> float:
    """Tau of what is left of two rankings when a third is regressed out, by least squares of ranks."""
    return tau(_rest(ours, given), _rest(theirs, given))


def interval(ours: Numbers, theirs: Numbers, *, num_draws: int = 200) -> tuple[float, float]:
    """Where tau lies in 95 % of bootstraps over the networks."""
    rng, number = np.random.default_rng(0), len(ours)
    x, y = np.asarray(ours), np.asarray(theirs)
    drawn = []
    for _ in range(num_draws):
        # A network that is drawn twice is tied with itself in both rankings, and counts in neither.
        rows = rng.integers(number, size=number)
        drawn.append(tau(x[rows], y[rows]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def truth(row: Row) -> float:
    """A network's mean test accuracy."""
    return statistics.fmean(row[f"test{seed}"] for seed in range(NUM_SEEDS))


def ceilings(rows: Sequence[Row]) -> dict[str, float]:
    """How well one training with another seed ranks, and how well the number of weights does."""
    tests = [[row[f"test{seed}"] for row in rows] for seed in range(NUM_SEEDS)]
    sizes, means = [row["num_weights"] for row in rows], [truth(row) for row in rows]
    pairs = list(itertools.combinations(range(NUM_SEEDS), 2))
    others = [[statistics.fmean(values) for values in zip(tests[a], tests[b], strict=True)] for a, b in pairs]
    left = [next(seed for seed in range(NUM_SEEDS) if seed not in pair) for pair in pairs]
    return {
        "seed": statistics.fmean(tau(tests[a], tests[b]) for a, b in pairs),
        "seed_partial": statistics.fmean(partial_tau(tests[a], tests[b], sizes) for a, b in pairs),
        "mean": statistics.fmean(tau(tests[one], other) for one, other in zip(left, others, strict=True)),
        "size": tau(sizes, means),
        "noise": statistics.fmean(
            statistics.stdev(row[f"test{seed}"] for seed in range(NUM_SEEDS)) for row in rows
        ),
    }


def regret(scores: Numbers, means: Numbers, top: int) -> float:
    """What the best of the highest scored networks lacks of the best of all."""
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    return max(means) - max(means[place] for place in order[:top])


def random_regret(rows: Sequence[Row], number: int, *, num_draws: int = 2000) -> float:
    """The mean regret of so many random networks, trained once and chosen by validation."""
    rng, best = random.Random(0), max(truth(row) for row in rows)
    found = []
    for _ in range(num_draws):
        drawn = rng.sample(rows, min(number, len(rows)))
        seed = rng.randrange(NUM_SEEDS)
        found.append(best - truth(max(drawn, key=lambda row: row[f"val{seed}"])))
    return statistics.fmean(found)


def _signs(values: Numbers) -> Array:
    column = np.asarray(values, dtype=float)
    signs: Array = np.sign(column[:, None] - column[None, :])
    return signs


def _rest(values: Numbers, given: Numbers) -> Array:
    y, x = _ranks(values), _ranks(given)
    x = x - x.mean()
    norm = float(x @ x)
    slope = float(x @ y) / norm if norm else 0.0
    # Rounded, so that ties stay ties.
    rest: Array = np.round(y - y.mean() - slope * x, 9)
    return rest


def _ranks(values: Numbers) -> Array:
    """Ranks from 0; equal values have their mean."""
    ranks: Array = (_signs(values).sum(axis=1) + len(values) - 1) / 2
    return ranks
