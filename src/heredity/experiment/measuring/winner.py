"""The best trial of an experiment: its line of ancestors, its price, and whether it carries their weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from heredity.experiment.lineage import cumulative_steps
from heredity.experiment.results import merit_of
from heredity.experiment.state import ExperimentState
from heredity.experiment.trial import TrialRecord
from heredity.ids import TrialId


@dataclass(frozen=True, slots=True, kw_only=True)
class Winner:
    """The best trial that is no scratch twin."""

    trial: TrialId
    score: float
    lineage: tuple[TrialId, ...]
    """The line that its weights may have come down, from the founder to the trial itself."""
    has_inherited: bool | None
    """Whether weights of another trial have come down to it. A trial that goes on with the same
    hyperparameters has inherited nothing by that; None where a parent is named, but the trial function has
    not told what it took over."""
    steps: int
    """Its own."""
    cumulative_steps: int
    """With those of its longest line of ancestors."""


def winner_of(state: ExperimentState) -> Winner | None:
    """The best trial so far, the earliest one of equals; None if none has a score.

    Args:
        state: An experiment, over or not.
    """
    best: TrialRecord | None = None
    best_merit = 0.0
    for record in state.trials.values():
        merit = merit_of(record.score, state.rules)
        if record.twin_of is None and merit is not None and (best is None or merit > best_merit):
            best, best_merit = record, merit
    if best is None or best.score is None:
        return None
    return Winner(
        trial=best.id,
        score=best.score,
        lineage=lineage(state.trials, best.id),
        has_inherited=_has_inherited(state.trials, best),
        steps=best.steps,
        cumulative_steps=cumulative_steps(state.trials, best.id),
    )


def lineage(trials: Mapping[TrialId, TrialRecord], trial: TrialId) -> tuple[TrialId, ...]:
    """The line of first parents, whose weights are inherited: from the founder to the trial."""
    line = [trial]
    while parents := trials[line[-1]].parents:
        line.append(parents[0])
    return tuple(reversed(line))


def _has_inherited(trials: Mapping[TrialId, TrialRecord], record: TrialRecord) -> bool | None:
    while record.parents:
        if record.inheritance is not None:
            return record.inheritance.get("coverage") != 0
        parent = trials[record.parents[0]]
        if not record.first_step:
            return None  # it has not gone on from the parent's checkpoint as it is
        if record.parameters != parent.parameters:
            return True
        record = parent
    return False
