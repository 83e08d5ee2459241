"""Differentiable search: weights and architecture of a supernet are trained in turn (DARTS and its kin)."""

from heredity.oneshot.differentiable.batches import ShuffledBatches
from heredity.oneshot.differentiable.deriving import derived, strongest_inputs
from heredity.oneshot.differentiable.remedies import (
    AuxiliarySkip,
    CurvatureRule,
    PartialChannels,
    auxiliary_skips,
    dominant_eigenvalue,
    wrap_edges,
)
from heredity.oneshot.differentiable.search import DifferentiableSearch, StepLosses
from heredity.oneshot.differentiable.settings import (
    ArchitectureTraining,
    Gumbel,
    SearchSettings,
    WeightTraining,
)
from heredity.oneshot.differentiable.training import SearchOutcome, SearchRun

__all__ = [
    "ArchitectureTraining",
    "AuxiliarySkip",
    "CurvatureRule",
    "DifferentiableSearch",
    "Gumbel",
    "PartialChannels",
    "SearchOutcome",
    "SearchRun",
    "SearchSettings",
    "ShuffledBatches",
    "StepLosses",
    "WeightTraining",
    "auxiliary_skips",
    "derived",
    "dominant_eigenvalue",
    "strongest_inputs",
    "wrap_edges",
]
