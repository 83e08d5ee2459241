"""Evolution: children of the better ones, which start from their parents' weights."""

from heredity.strategies.evolution.population import Individual, Population
from heredity.strategies.evolution.regularized import RegularizedEvolution

__all__ = ["Individual", "Population", "RegularizedEvolution"]
