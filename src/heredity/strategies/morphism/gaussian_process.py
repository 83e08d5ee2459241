"""What may be expected of untried points, by a Gaussian process over their distances to tried ones.

Shapes: n tried points, m others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from heredity.strategies.morphism.distance import Floats

_MAX_FOR_SETTINGS = 200
"""From so many points, evenly taken, the settings are chosen: more would hardly change them."""
_LENGTHS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""In medians of the distances."""
_NOISES = (1e-4, 1e-2, 1e-1)
"""In variances of the function."""
_LEAST_VARIANCE = 1e-6


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
    """What makes correlations to the tried points independent of each other, with unit variance."""
    weights: Floats
    """What each tried point adds to the expectation, times its correlation."""

    def predict(self, distances_mn: Floats) -> tuple[Floats, Floats]:
        """Give the expectation and the standard deviation of the function at points, by their distances."""
        correlation_mn = np.exp(-distances_mn / self.length)
        expected = self.mean + correlation_mn @ self.weights
        explained = np.square(correlation_mn @ self.whitening.T).sum(axis=1)
        # With a correlation that is no proper one a little more may be explained than there is.
        return expected, np.sqrt(self.variance * np.clip(1.0 - explained, 1e-10, None))


def fitted(distances_nn: Floats, values: Floats) -> GaussianProcess:
    """Fit a Gaussian process with the correlation ``exp(-d / length)``.

    In the words of Auto-Keras (Jin, Song and Hu 2019, section 3.1) this is ``exp(-rho(d)**2)`` with
    ``rho(d) = sqrt(d / length)``. A correlation must be positive definite. Without lists of blocks this one
    is: then ``d`` is a sum of distances of the form ``1 - k`` with a positive definite ``k`` (such as
    ``min(a, b) / max(a, b)`` for widths), and ``exp(-d)`` of such a sum is (Schoenberg 1938). Of edit
    distances of lists nobody can promise it, and a few eigenvalues are below zero. The paper embeds the
    points anew, which bends all distances. Here the directions of those eigenvalues are left out, for tried
    and untried points alike (the spectrum is clipped: Chen et al. 2009, "Similarity-based classification");
    what the values do along them counts as noise.

    Length and noise are the ones of a grid under which the values are the most likely.

    Args:
        distances_nn: The distances of all tried points.
        values: What was found at each of them.
    """
    num = len(values)
    some = np.unique(np.linspace(0, num - 1, min(num, _MAX_FOR_SETTINGS)).astype(int))
    length, noise = _settings(distances_nn[np.ix_(some, some)], values[some])
    spectrum = _Spectrum.of(distances_nn, length)
    mean, variance = spectrum.moments(values, noise)
    whitening = spectrum.whitening(noise)
    weights = whitening.T @ (whitening @ (values - mean))
    return GaussianProcess(length, noise, variance, mean, whitening, weights)


def standardized(values: Floats) -> Floats:
    """Shift and scale values to mean 0 and deviation 1, after those far below the others were moved up.

    So one network whose training has gone astray does not make all others look alike. What lies below Tukey's
    fence, one and a half interquartile ranges below the lower quartile, is moved to the fence.
    """
    lower, upper = np.quantile(values, [0.25, 0.75])
    fenced = np.maximum(values, lower - 1.5 * (upper - lower))
    deviation = float(fenced.std())
    return np.asarray((fenced - fenced.mean()) / (deviation if deviation > 0.0 else 1.0), np.float64)


@dataclass(frozen=True, slots=True)
class _Spectrum:
    """A correlation of tried points, by the directions in which it is none or more."""

    eigenvalues: Floats
    directions: Floats
    """As columns, one for each eigenvalue."""

    @classmethod
    def of(cls, distances_nn: Floats, length: float) -> _Spectrum:
        eigenvalues, directions = np.linalg.eigh(np.exp(-distances_nn / length))
        return cls(np.maximum(eigenvalues, 0.0), directions)

    def whitening(self, noise: float) -> Floats:
        kept = self.eigenvalues > 0.0
        scales = np.sqrt(self.eigenvalues[kept] + noise)
        return np.asarray((self.directions[:, kept] / scales).T, np.float64)

    def moments(self, values: Floats, noise: float) -> tuple[float, float]:
        """The mean and the variance under which the values are the most likely."""
        precisions = 1.0 / (self.eigenvalues + noise)
        ones, along = self.directions.sum(axis=0), values @ self.directions
        mean = float((precisions * ones) @ along) / float((precisions * ones) @ ones)
        variance = float(precisions @ np.square(along - mean * ones)) / len(values)
        return mean, max(variance, _LEAST_VARIANCE)

    def log_likelihood(self, values: Floats, noise: float) -> float:
        """Up to a constant, under the best mean and variance (Rasmussen and Williams 2006, section 5.4)."""
        _, variance = self.moments(values, noise)
        spread = float(np.log(self.eigenvalues + noise).sum())
        return -0.5 * (len(values) * math.log(variance) + spread)


def _settings(distances_nn: Floats, values: Floats) -> tuple[float, float]:
    """The length and the noise under which the values are the most likely."""
    apart = distances_nn[distances_nn > 0.0]
    median = float(np.median(apart)) if apart.size else 1.0
    spectra = {scale * median: _Spectrum.of(distances_nn, scale * median) for scale in _LENGTHS}
    likelihoods = {
        (length, noise): spectrum.log_likelihood(values, noise)
        for length, spectrum in spectra.items()
        for noise in _NOISES
    }
    return max(likelihoods, key=lambda each: likelihoods[each])
