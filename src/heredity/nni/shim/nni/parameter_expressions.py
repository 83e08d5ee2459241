"""Drawing values from the ranges of a search space, as tuners call it: each takes a numpy `RandomState`."""

from __future__ import annotations

from typing import Any

import numpy as np

# Bounds are numbers or, for the normal ones, arrays; results are numpy's. The generator comes last.


def choice(options: Any, random_state: Any) -> Any:  # noqa: ANN401
    """Draw one of the options, or below a number."""
    return random_state.choice(options)


def randint(lower: int, upper: int, random_state: Any) -> Any:  # noqa: ANN401
    """Draw a whole number from `lower` to below `upper`."""
    return random_state.randint(lower, upper)


def uniform(low: float, high: float, random_state: Any) -> Any:  # noqa: ANN401
    """Draw a number, each as likely."""
    assert high >= low, "Upper bound must be larger than lower bound"  # noqa: S101  # as NNI does
    return random_state.uniform(low, high)


def quniform(low: float, high: float, q: float, random_state: Any) -> Any:  # noqa: ANN401
    """Draw as `uniform`, and round to a multiple of `q` within the bounds."""
    return np.clip(np.round(uniform(low, high, random_state) / q) * q, low, high)


def loguniform(low: float, high: float, random_state: Any) -> Any:  # noqa: ANN401
    """Draw a number whose logarithm is uniform."""
    assert low > 0, "Lower bound must be positive"  # noqa: S101  # as NNI does
    return np.exp(uniform(np.log(low), np.log(high), random_state))


def qloguniform(low: float, high: float, q: float, random_state: Any) -> Any:  # noqa: ANN401
    """Draw as `loguniform`, and round to a multiple of `q` within the bounds."""
    return np.clip(np.round(loguniform(low, high, random_state) / q) * q, low, high)


def normal(mu: Any, sigma: Any, random_state: Any) -> Any:  # noqa: ANN401
    """Draw from a normal distribution."""
    return random_state.normal(mu, sigma)


def qnormal(mu: Any, sigma: Any, q: float, random_state: Any) -> Any:  # noqa: ANN401
    """Draw as `normal`, and round to a multiple of `q`."""
    return np.round(normal(mu, sigma, random_state) / q) * q


def lognormal(mu: Any, sigma: Any, random_state: Any) -> Any:  # noqa: ANN401
    """Draw a number whose logarithm is normal."""
    return np.exp(normal(mu, sigma, random_state))


def qlognormal(mu: Any, sigma: Any, q: float, random_state: Any) -> Any:  # noqa: ANN401
    """Draw as `lognormal`, and round to a multiple of `q`."""
    return np.round(lognormal(mu, sigma, random_state) / q) * q
