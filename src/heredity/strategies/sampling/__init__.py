"""Strategies that look at no results: random points, and a grid."""

from heredity.strategies.sampling.grid_search import GridSearch
from heredity.strategies.sampling.random_search import RandomSearch
from heredity.strategies.sampling.untried import UntriedPoints

__all__ = ["GridSearch", "RandomSearch", "UntriedPoints"]
