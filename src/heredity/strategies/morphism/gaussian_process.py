"""What may be expected of untried points, by a Gaussian process over their distances to tried ones.

Shapes: n tried points, m others.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from heredity.strategies.morphism.distance import Floats

_MAX_FOR_SETTINGS = 200
"""From so many points, evenly taken, the settings are chosen: more would hardly change them."""
_LENGTHS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""In medians of the distances."""
_NOISES = (1e-4, 1e-2, 1e-1)
"""In variances of the function."""
_MOST_JITTER = 10.0


@dataclass(frozen=True, slots=True)
class GaussianProcess:
    """A Gaussian process that has seen values; see `fitted`."""

    length: float
    """At this distance the correlation of two points has fallen to 1/e."""
    noise: float
    """The variance of what comes back at one and the same point, in variances of the function."""
    variance: float
    """How far the function varies."""
    mean: float
    whitening: Floats
    """The inverse of the Cholesky factor of the correlations, nn."""
    weights: Floats
    """What each tried point adds to the expectation, times its correlation."""

    def predict(self, distances_mn: Floats) -> tuple[Floats, Floats]:
        """Give the expectation and the standard deviation of the function at points, by their distances."""
        correlation_mn = _correlation(distances_mn, self.length)
        expected = self.mean + correlation_mn @ self.weights
        explained = np.square(correlation_mn @ self.whitening.T).sum(axis=1)
        # With a correlation that is no proper one a little more may be explained than there is.
        return expected, np.sqrt(self.variance * np.clip(1.0 - explained, 1e-10, None))


def fitted(distances_nn: Floats, values: Floats) -> GaussianProcess:
    """Fit a Gaussian process with the correlation ``exp(-d / length)``.

    In the words of Auto-Keras (Jin, Song and Hu 2019, section 3.1) this is ``exp(-rho(d)**2)`` with
    ``rho(d) = sqrt(d / length)``. A correlation must be positive definite. Without lists of blocks this one
    is: then ``d`` is a sum of distances of the form ``1 - k`` with a positive definite ``k`` (such as
    ``min(a, b) / max(a, b)`` for widths), and ``exp(-d)`` of a sum of such is (Schoenberg 1938). Of edit
    distances of lists nobody can promise it. The paper embeds the points anew, which bends all distances;
    here the diagonal is raised, by as little as makes the correlations definite, which leaves all distances
    in their order (constant shift embedding: Roth, Laub, Kawanabe and Buhmann 2003). To the model that is
    a little more noise.

    Length and noise are the ones of a grid under which the values are the most likely.

    Args:
        distances_nn: The distances of all tried points.
        values: What was found at each of them.
    """
    num = len(values)
    some = np.unique(np.linspace(0, num - 1, min(num, _MAX_FOR_SETTINGS)).astype(int))
    near_nn, few = distances_nn[np.ix_(some, some)], values[some]
    apart = near_nn[near_nn > 0.0]
    median = float(np.median(apart)) if apart.size else 1.0
    settings = [(scale * median, noise) for scale, noise in product(_LENGTHS, _NOISES)]
    length, noise = max(settings, key=lambda each: _log_likelihood(near_nn, few, *each))
    factor = _factor(_correlation(distances_nn, length), noise)
    mean, variance, white = _moments(factor, values)
    whitening = np.asarray(np.linalg.inv(factor), np.float64)
    return GaussianProcess(length, noise, variance, mean, whitening, whitening.T @ white)


def standardized(values: Floats) -> Floats:
    """Shift and scale values to mean 0 and deviation 1, after those far below the others were moved up.

    So one network whose training has gone astray does not make all others look alike. What lies below Tukey's
    fence, one and a half interquartile ranges below the lower quartile, is moved to the fence.
    """
    lower, upper = np.quantile(values, [0.25, 0.75])
    fenced = np.maximum(values, lower - 1.5 * (upper - lower))
    deviation = float(fenced.std())
    return np.asarray((fenced - fenced.mean()) / (deviation if deviation > 0.0 else 1.0), np.float64)


def _correlation(distances: Floats, length: float) -> Floats:
    correlation: Floats = np.exp(-distances / length)
    return correlation


def _factor(correlation_nn: Floats, noise: float) -> Floats:
    """The Cholesky factor of the correlations with noise, with as much more of it as they need.

    Raises:
        LinAlgError: The correlations are no numbers.
    """
    jitter = 0.0
    while True:
        raised_nn = correlation_nn + (noise + jitter) * np.eye(len(correlation_nn))
        try:
            return np.asarray(np.linalg.cholesky(raised_nn), np.float64)
        except np.linalg.LinAlgError:
            if not jitter < _MOST_JITTER:
                raise
            jitter = max(2.0 * jitter, 1e-6)


def _moments(factor_nn: Floats, values: Floats) -> tuple[float, float, Floats]:
    """The mean and the variance under which the values are the most likely, and the whitened rest."""
    ones, white = np.linalg.solve(factor_nn, np.stack([np.ones_like(values), values], axis=1)).T
    mean = float(ones @ white) / float(ones @ ones)
    rest = white - mean * ones
    variance = float(rest @ rest) / len(values)
    return mean, max(variance, 1e-6), rest


def _log_likelihood(distances_nn: Floats, values: Floats, length: float, noise: float) -> float:
    factor = _factor(_correlation(distances_nn, length), noise)
    _, variance, _ = _moments(factor, values)
    return -len(values) * 0.5 * float(np.log(variance)) - float(np.log(np.diag(factor)).sum())
