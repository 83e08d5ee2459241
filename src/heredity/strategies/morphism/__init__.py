"""Search by network morphisms: children are edits of trained networks, and begin as what those compute."""

from heredity.strategies.morphism.bayesian import BayesianMorphism
from heredity.strategies.morphism.climbing import Climb, NetworkMorphism
from heredity.strategies.morphism.distance import EditDistance
from heredity.strategies.morphism.edits import Edits
from heredity.strategies.morphism.tree_search import Exploration

__all__ = [
    "BayesianMorphism",
    "Climb",
    "EditDistance",
    "Edits",
    "Exploration",
    "NetworkMorphism",
]
