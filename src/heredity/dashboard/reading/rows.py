"""A trial as one row of plain facts: what the pictures and the table need, and no more."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from heredity.dashboard.reading.texts import clipped, value_text
from heredity.encoding import Json
from heredity.experiment import ExperimentState, Report, TrialRecord, headline
from heredity.graph.cell_edges import cell_names

MAX_POINTS = 150_000
"""Points of all curves together: more are no better seen, and make the page slow."""

MAX_FACTS = 40
"""Hyperparameters that a row tells; a trial's own page has all."""

Row = dict[str, Json]


def experiment_facts(state: ExperimentState, *, place: str, is_driven: bool) -> Row:
    """What holds for a whole experiment."""
    rules = state.rules
    return {
        "kind": "experiment",
        "name": rules.experiment,
        "place": clipped(place),
        "objective": clipped(rules.objective),
        "direction": rules.direction,
        "further": {name: str(way) for name, way in rules.further_objectives.items()},
        "started": rules.at,
        "wanted": rules.max_trials,
        "is_over": state.is_over,
        "is_driven": is_driven,
    }


def trial_row(record: TrialRecord, *, total_steps: int, points: int) -> Row:
    """The facts of one trial.

    Args:
        record: The trial.
        total_steps: Its own steps and those of its longest line of ancestors.
        points: How many points its curve may have.
    """
    summary = record.inheritance or {}
    return {
        "id": record.id,
        "number": record.number,
        "state": record.state.value,
        "parents": list(record.parents),
        "lost_parents": list(record.lost_parents),
        "twin_of": record.twin_of,
        "score": finite(record.score),
        "metrics": numbers(record.metrics),
        "steps": record.steps,
        "total": total_steps,
        "asked": None if record.max_steps is None else record.max_steps - record.first_step,
        "continues": record.continues and record.first_step > 0,
        "seconds": finite(record.seconds),
        "cpu": finite(record.resources.get("cpu_seconds")),
        "started": record.started_at,
        "ended": record.ended_at,
        "attempt": record.attempt,
        "verdict": str(summary["verdict"]) if "verdict" in summary else None,
        "coverage": finite(summary.get("coverage")),
        "source": str(summary["parent"]) if "parent" in summary else None,
        "parameters": short_facts(record.parameters),
        "word": clipped(", ".join(f"{name}={value_text(value)}" for name, value in record.info.items())),
        "why": clipped(headline(record.error) if record.error else record.stop_reason),
        "has_cells": bool(cell_names(record.parameters)),
        "curve": curve(record.reports, first_step=record.first_step, points=points),
    }


def points_each(num_trials: int) -> int:
    """How many points the curve of each of so many trials may have."""
    return max(8, min(400, MAX_POINTS // max(1, num_trials)))


def curve(reports: Sequence[Report], *, first_step: int, points: int) -> list[Json]:
    """Own steps and values, thinned out evenly; the first and the last report always stay."""
    if len(reports) > points:
        last = len(reports) - 1
        reports = [reports[round(i * last / (points - 1))] for i in range(points)]
    return [[report.step - first_step, _short(report.value)] for report in reports]


def short_facts(values: Mapping[str, Json]) -> dict[str, Json]:
    """Names and values as texts, of more than `MAX_FACTS` the first ones."""
    pairs = list(values.items())[:MAX_FACTS]
    return {clipped(name): value_text(value) for name, value in pairs}


def numbers(values: Mapping[str, Json]) -> dict[str, Json]:
    """Those values that can stand on an axis."""
    return {clipped(name): float(value) for name, value in values.items() if finite(value) is not None}  # type: ignore[arg-type]  # finite() is not None


def finite(value: Json) -> float | None:
    """A number that a picture can show; None for what is none, as NaN and texts."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _short(value: float) -> float | None:
    """Six digits: more are not seen in a curve, and make a large page half as large again."""
    return None if finite(value) is None else float(f"{value:.6g}")
