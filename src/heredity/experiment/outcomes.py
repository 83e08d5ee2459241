"""What inheritance gave: each child beside its twin that was trained from nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from heredity.encoding import Json
from heredity.experiment.lineage import all_cumulative_steps
from heredity.experiment.state import ExperimentState
from heredity.experiment.trial import TrialRecord
from heredity.ids import TrialId


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One child, as measured. None stands for what was not measured or has not happened yet."""

    trial: TrialId
    parents: tuple[TrialId, ...]
    state: str
    inheritance: Mapping[str, Json] | None
    """The summary of what came over, with its certificate."""
    parent_score: float | None
    start: float | None
    """The report at step 0: what was inherited, before the first step."""
    score: float | None
    steps: int
    cumulative_steps: int
    """With the ancestors' steps: the price that was paid for the score in all."""
    seconds: float | None
    twin: TrialId | None
    twin_score: float | None
    twin_steps: int | None
    twin_seconds: float | None
    steps_to_twin: int | None
    """Own steps until a report was as good as the twin's score; None if none was, or there is no twin."""


def outcomes(state: ExperimentState) -> list[Outcome]:
    """The outcome of every trial that has parents, in the order of their proposal."""
    twins = {record.twin_of: record for record in state.trials.values() if record.twin_of is not None}
    total = all_cumulative_steps(state.trials)
    return [
        _outcome(state, record, twin=twins.get(record.id), total_steps=total[record.id])
        for record in state.trials.values()
        if record.parents
    ]


def _outcome(
    state: ExperimentState, record: TrialRecord, *, twin: TrialRecord | None, total_steps: int
) -> Outcome:
    goal = None if twin is None else twin.score
    return Outcome(
        trial=record.id,
        parents=record.parents,
        state=record.state.value,
        inheritance=record.inheritance,
        parent_score=state.trials[record.parents[0]].score,
        start=next((report.value for report in record.reports if report.step == record.first_step), None),
        score=record.score,
        steps=record.steps,
        cumulative_steps=total_steps,
        seconds=record.seconds,
        twin=None if twin is None else twin.id,
        twin_score=goal,
        twin_steps=None if twin is None else twin.steps,
        twin_seconds=None if twin is None else twin.seconds,
        steps_to_twin=None if goal is None else _steps_to(goal, record, state.rules.direction),
    )


def _steps_to(goal: float, record: TrialRecord, direction: str) -> int | None:
    sign = -1.0 if direction == "minimize" else 1.0
    reached = (report.step for report in record.reports if sign * report.value >= sign * goal)
    step = next(reached, None)
    return None if step is None else step - record.first_step
