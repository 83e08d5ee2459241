"""Differentiable search: weights and architecture of a supernet are trained in turn (DARTS and its kin)."""

from heredity.oneshot.differentiable.search import DifferentiableSearch, StepLosses
from heredity.oneshot.differentiable.settings import (
    ArchitectureTraining,
    Gumbel,
    SearchSettings,
    WeightTraining,
)

__all__ = [
    "ArchitectureTraining",
    "DifferentiableSearch",
    "Gumbel",
    "SearchSettings",
    "StepLosses",
    "WeightTraining",
]
