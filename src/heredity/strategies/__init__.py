"""Which trial next, and from which parent? `ask` and `tell`, with no I/O."""

from heredity.strategies.base import NoProposal, Progress, Proposal, Stopper, Strategy
from heredity.strategies.controls import Fresh, ScratchTwins, WithoutChildren
from heredity.strategies.evolution import RegularizedEvolution
from heredity.strategies.given import Given, GivenTrial
from heredity.strategies.halving import ASHA, Hyperband, SuccessiveHalving
from heredity.strategies.pareto import hypervolume, pareto_front
from heredity.strategies.population import PopulationBased
from heredity.strategies.sampling import GridSearch, RandomSearch

__all__ = [
    "ASHA", "Fresh", "Given", "GivenTrial", "GridSearch", "Hyperband", "NoProposal", "PopulationBased",
    "Progress", "Proposal", "RandomSearch", "RegularizedEvolution", "ScratchTwins", "Stopper", "Strategy",
    "SuccessiveHalving", "WithoutChildren", "hypervolume", "pareto_front",
]  # fmt: skip
