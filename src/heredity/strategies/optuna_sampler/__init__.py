"""Optuna's samplers as a strategy."""

from heredity.strategies.optuna_sampler.sampler import OptunaSampler

__all__ = ["OptunaSampler"]
