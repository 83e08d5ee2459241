"""Which trial next, and from which parent? `ask` and `tell`, with no I/O."""

from heredity.strategies.base import NoProposal, Progress, Proposal, Stopper, Strategy
from heredity.strategies.controls import Fresh, ScratchTwins, WithoutChildren
from heredity.strategies.evolution import RegularizedEvolution
from heredity.strategies.given import Given, GivenTrial
from heredity.strategies.halving import ASHA, Hyperband, SuccessiveHalving
from heredity.strategies.morphism import BayesianMorphism, Climb, Edits, Exploration, NetworkMorphism
from heredity.strategies.optuna_sampler import OptunaSampler
from heredity.strategies.pareto import hypervolume, pareto_front
from heredity.strategies.population import PopulationBased
from heredity.strategies.sampling import GridSearch, RandomSearch
from heredity.strategies.stopping import (
    AnyOf,
    HalvingStopper,
    MedianStopper,
    PatienceStopper,
    PercentileStopper,
    ThresholdStopper,
)

__all__ = [
    "ASHA", "AnyOf", "BayesianMorphism", "Climb", "Edits", "Exploration", "Fresh", "Given", "GivenTrial",
    "GridSearch", "HalvingStopper", "Hyperband", "MedianStopper", "NetworkMorphism", "NoProposal",
    "OptunaSampler", "PatienceStopper", "PercentileStopper", "PopulationBased", "Progress", "Proposal",
    "RandomSearch", "RegularizedEvolution", "ScratchTwins", "Stopper", "Strategy", "SuccessiveHalving",
    "ThresholdStopper", "WithoutChildren", "hypervolume", "pareto_front",
]  # fmt: skip
