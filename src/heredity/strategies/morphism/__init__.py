"""Search by network morphisms: children are edits of trained networks, and begin as what those compute."""

from heredity.strategies.morphism.climbing import Climb, NetworkMorphism
from heredity.strategies.morphism.edits import Edits

__all__ = ["Climb", "Edits", "NetworkMorphism"]
