"""How a trial ended, in the terms of a strategy: more is better, whatever the objective's direction."""

from __future__ import annotations

from collections.abc import Mapping

from heredity.encoding import Json
from heredity.experiment.events import ExperimentStarted
from heredity.experiment.trial import TrialRecord, TrialResult


def result_of(record: TrialRecord, rules: ExperimentStarted) -> TrialResult:
    """What a strategy is told about a trial that has ended."""
    return TrialResult(
        trial_id=record.id,
        parameters=record.parameters,
        parents=record.parents,
        state=record.state,
        score=record.score,
        checkpoint=record.checkpoint,
        steps=record.steps,
        merit=merit_of(record.score, rules),
        merits=further_merits(record.metrics, rules),
        reports=tuple(record.reports),
        max_steps=record.max_steps,
        cost_seconds=_number(record.resources.get("cpu_seconds")) or 0.0,
    )


def merit_of(score: float | None, rules: ExperimentStarted) -> float | None:
    """The score, turned so that more is better."""
    return None if score is None else _turned(score, rules.direction)


def further_merits(metrics: Mapping[str, Json], rules: ExperimentStarted) -> dict[str, float]:
    """The further objectives, turned so that more is better; those that were not measured are left out."""
    if not rules.further_objectives:
        return {}
    measured = ((name, _number(metrics.get(name)), way) for name, way in rules.further_objectives.items())
    return {name: _turned(value, str(way)) for name, value, way in measured if value is not None}


def _turned(value: float, direction: str) -> float:
    return -value if direction == "minimize" else value


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
