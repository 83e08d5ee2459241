"""Which trial next, and from which parent? `ask` and `tell`, with no I/O."""

from heredity.strategies.base import NoProposal, Progress, Proposal, Stopper, Strategy
from heredity.strategies.controls import Fresh, ScratchTwins, WithoutChildren
from heredity.strategies.evolution import RegularizedEvolution
from heredity.strategies.given import Given, GivenTrial
from heredity.strategies.pareto import hypervolume, pareto_front
from heredity.strategies.sampling import GridSearch, RandomSearch

__all__ = [
    "Fresh", "Given", "GivenTrial", "GridSearch", "NoProposal", "Progress", "Proposal", "RandomSearch",
    "RegularizedEvolution", "ScratchTwins", "Stopper", "Strategy", "WithoutChildren", "hypervolume",
    "pareto_front",
]  # fmt: skip
