"""The best trial of an experiment, or the front of several objectives."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from heredity.experiment import ExperimentState, TrialRecord, merit_of
from heredity.experiment.results import further_merits
from heredity.ids import TrialId
from heredity.strategies.pareto import dominates


def merit_or_least(score: float | None, state: ExperimentState) -> float:
    """The score, turned so that more is better; of what has none, less than all."""
    merit = merit_of(score, state.rules)
    return -math.inf if merit is None else merit


def best_trials(state: ExperimentState) -> frozenset[TrialId]:
    """The best trial; of several objectives, all those that no other one dominates."""
    return best_among(state.trials.values(), state)


def best_among(records: Iterable[TrialRecord], state: ExperimentState) -> frozenset[TrialId]:
    """The same of some of the trials; where two are as good as one another, the one that comes first."""
    points = {record.id: _merits(record, state) for record in records if record.score is not None}
    if not points:
        return frozenset()
    if not state.rules.further_objectives:
        return frozenset({max(points, key=lambda trial: points[trial])})
    return frozenset(_front(points))


def _merits(record: TrialRecord, state: ExperimentState) -> tuple[float, ...]:
    further = further_merits(record.metrics, state.rules)
    names = state.rules.further_objectives
    return (merit_or_least(record.score, state), *(further.get(name, -math.inf) for name in names))


def _front(points: Mapping[TrialId, tuple[float, ...]]) -> Iterable[TrialId]:
    """From the best downwards, a point can only be dominated by one that stands in the front already."""
    front: list[TrialId] = []
    for trial in sorted(points, key=lambda trial: points[trial], reverse=True):
        if not any(dominates(points[above], points[trial]) for above in front):
            front.append(trial)
    return front
