"""The kinds of strategies and stoppers that an experiment file may name; each is loaded when it is needed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

STRATEGIES: Mapping[str, str] = {
    "asha": "heredity.strategies.halving:ASHA",
    "bayesian_morphism": "heredity.strategies.morphism:BayesianMorphism",
    "finalists": "heredity.strategies.finalists:Finalists",
    "fresh": "heredity.strategies.controls:Fresh",
    "grid_search": "heredity.strategies.sampling:GridSearch",
    "hyperband": "heredity.strategies.halving:Hyperband",
    "network_morphism": "heredity.strategies.morphism:NetworkMorphism",
    "optuna_sampler": "heredity.strategies.optuna_sampler:OptunaSampler",
    "population_based": "heredity.strategies.population:PopulationBased",
    "random_search": "heredity.strategies.sampling:RandomSearch",
    "regularized_evolution": "heredity.strategies.evolution:RegularizedEvolution",
    "scratch_twins": "heredity.strategies.controls:ScratchTwins",
    "successive_halving": "heredity.strategies.halving:SuccessiveHalving",
    "supernet_search": "heredity.strategies.supernet_search:SupernetSearch",
    "without_children": "heredity.strategies.controls:WithoutChildren",
}
"""Module and class by kind. The keys of a kind in a file are the arguments of its class."""

STOPPERS: Mapping[str, str] = {
    "any_of": "heredity.strategies.stopping:AnyOf",
    "halving": "heredity.strategies.stopping:HalvingStopper",
    "median": "heredity.strategies.stopping:MedianStopper",
    "patience": "heredity.strategies.stopping:PatienceStopper",
    "percentile": "heredity.strategies.stopping:PercentileStopper",
    "threshold": "heredity.strategies.stopping:ThresholdStopper",
}
"""The same for stoppers."""


def load(place: str) -> type:
    """Import the class that stands at ``module:name``."""
    module, _, name = place.partition(":")
    found: type = getattr(importlib.import_module(module), name)
    return found
