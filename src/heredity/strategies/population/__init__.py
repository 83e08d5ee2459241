"""Population-based training: members train side by side, and the worst go on from the best."""

from heredity.strategies.population.exploring import Explorer
from heredity.strategies.population.population_based import PopulationBased

__all__ = ["Explorer", "PopulationBased"]
