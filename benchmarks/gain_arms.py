"""The arms: how a search spends one budget of epochs, with inheritance and without it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gain_spending import Spending
from gain_tasks import Task
from gain_training import Recipe
from uses_training import HEIR_RATE

from heredity.ids import TrialId
from heredity.strategies import (
    ASHA,
    Fresh,
    Given,
    GivenTrial,
    RandomSearch,
    RegularizedEvolution,
    Strategy,
    WithoutChildren,
)
from heredity.strategies.finalists import Finalists
from heredity.strategies.morphism import BayesianMorphism, Climb, Edits, NetworkMorphism

FINAL_SHARE = 0.3
"""Of the epochs, for the long training of what a search has found."""
POPULATION = 6


@dataclass(frozen=True)
class Plan:
    """How an arm spends its budget."""

    strategy: Strategy
    max_trials: int | None = None
    recipe: Recipe = field(default_factory=Recipe)


Arm = Callable[[Task, int], Plan]


def _one(task: Task, point: Mapping[str, Any]) -> Plan:
    return Plan(Given([GivenTrial(TrialId("one"), dict(point), max_steps=task.epochs)]))


def _default(task: Task, _seed: int) -> Plan:
    return _one(task, task.default)


def _outside(task: Task, _seed: int) -> Plan:
    """A network of 2.5 times the products that the space of MNIST-1D allows."""
    widths = {"width0": 16, "width1": 24, "width2": 32}
    return _one(task, {**task.default, **widths})


def _largest(task: Task, seed: int) -> Plan:
    rng = random.Random(seed)
    drawn = [task.space.sample(rng) for _ in range(200)]
    sizes = [sum(weight.numel() for weight in task.build(point).parameters()) for point in drawn]
    return _one(task, drawn[sizes.index(max(sizes))])


def _random(num_nets: int) -> Arm:
    def arm(task: Task, seed: int) -> Plan:
        return Plan(RandomSearch(task.space, seed=seed, max_steps=task.epochs // num_nets), num_nets)

    return arm


def _asha(*, restart: bool) -> Arm:
    def arm(task: Task, seed: int) -> Plan:
        longest = task.epochs // 4
        strategy = ASHA(
            task.space,
            seed=seed,
            min_steps=max(1, longest // 9),
            max_steps=longest,
            reduction=3,
            restart=restart,
        )
        return Plan(Spending(strategy, max_steps=task.epochs))

    return arm


def _num_children(task: Task) -> int:
    return round(task.epochs * (1 - FINAL_SHARE)) // task.short


def _with_final(task: Task, strategy: Strategy, recipe: Recipe) -> Plan:
    num_trials = _num_children(task)
    left = task.epochs - num_trials * task.short
    return Plan(Finalists(strategy, num_trials=num_trials, top=1, max_steps=left), recipe=recipe)


def _evolution(
    wrap: Callable[[Strategy], Strategy] = lambda strategy: strategy, heir_rate: float = 1.0
) -> Arm:
    recipe = Recipe(anneal_children=False, heir_rate=heir_rate)

    def arm(task: Task, seed: int) -> Plan:
        strategy = RegularizedEvolution(
            task.space, seed=seed, population_size=POPULATION, sample_size=3, max_steps=task.short
        )
        return _with_final(task, wrap(strategy), recipe)

    return arm


def _short_only(task: Task, seed: int) -> Plan:
    """What papers often compare with: the same short children from nothing, and no long training."""
    strategy = RegularizedEvolution(
        task.space, seed=seed, population_size=POPULATION, sample_size=3, max_steps=task.short
    )
    return Plan(Fresh(strategy), task.epochs // task.short)


def _morphism(
    wrap: Callable[[Strategy], Strategy] = lambda strategy: strategy, heir_rate: float = 1.0
) -> Arm:
    recipe = Recipe(anneal_children=False, heir_rate=heir_rate)

    def arm(task: Task, seed: int) -> Plan:
        climb = Climb(steps=task.short, num_rounds=100, num_children=3, num_edits=2)
        edits = Edits(growing=task.growing)
        strategy = NetworkMorphism(task.space, seed=seed, edits=edits, climb=climb, start=dict(task.small))
        return _with_final(task, wrap(strategy), recipe)

    return arm


def _bayesian(
    wrap: Callable[[Strategy], Strategy] = lambda strategy: strategy, *, from_default: bool = False
) -> Arm:
    recipe = Recipe(anneal_children=False, heir_rate=HEIR_RATE)

    def arm(task: Task, seed: int) -> Plan:
        edits = Edits(growing=task.growing, shrinking=task.growing, changing=task.changing)
        start = [dict(task.default)] if from_default else []
        strategy = BayesianMorphism(task.space, seed=seed, edits=edits, start=start, max_steps=task.short)
        return _with_final(task, wrap(strategy), recipe)

    return arm


ARMS: Mapping[str, Arm] = {
    "default": _default,
    "outside": _outside,
    "largest": _largest,
    "random-4": _random(4),
    "random-8": _random(8),
    "random-16": _random(16),
    "asha": _asha(restart=False),
    "asha-restart": _asha(restart=True),
    "short-only": _short_only,
    "evolution-fresh": _evolution(Fresh),
    "evolution-dropped": _evolution(WithoutChildren),
    "morphism-fresh": _morphism(Fresh),
    "bayesian-fresh": _bayesian(Fresh),
    "known-fresh": _bayesian(Fresh, from_default=True),
    "inherit-evolution": _evolution(),
    "inherit-evolution-slow": _evolution(heir_rate=HEIR_RATE),
    "inherit-morphism": _morphism(heir_rate=HEIR_RATE),
    "inherit-bayesian": _bayesian(),
    "inherit-known": _bayesian(from_default=True),
}
ABOUT: Mapping[str, str] = {
    "default": "the one network of the space that an engineer takes unasked, with the whole budget.",
    "outside": "no control, but for scale: a network of 2.5 times the products that the space allows.",
    "largest": "of 200 random networks the one with the most weights, with the whole budget.",
    "random-4": "four random networks, a quarter of the budget each.",
    "random-8": "eight random networks.",
    "random-16": "sixteen random networks.",
    "asha": "asynchronous successive halving, rungs a ninth, a third and all of a quarter of the budget; a "
    "network goes on from its lower rung's weights.",
    "asha-restart": "the same, but every rung begins from nothing.",
    "short-only": "regularized evolution, every child from nothing, and no long training at the end.",
    "evolution-fresh": "the twin: the schedule of inherit-evolution, every child from nothing.",
    "evolution-dropped": "the schedule of inherit-evolution with its children left out: random networks in "
    "their places.",
    "morphism-fresh": "the twin: the schedule of inherit-morphism, every child from nothing.",
    "bayesian-fresh": "the twin of inherit-bayesian.",
    "known-fresh": "the twin of inherit-known.",
    "inherit-evolution": "regularized evolution; children inherit from the network that they were mutated "
    "from, at a constant learning rate; the best is trained on to the end, down to a rate of nothing.",
    "inherit-evolution-slow": f"the same, heirs at {HEIR_RATE} of the learning rate.",
    "inherit-morphism": "hill climbing by function-preserving edits from a small sane network; heirs at "
    f"{HEIR_RATE} of the rate.",
    "inherit-bayesian": f"Bayesian optimisation over edits; heirs at {HEIR_RATE} of the rate.",
    "inherit-known": "the same, begun with the default network, as an engineer would who knows it.",
}
