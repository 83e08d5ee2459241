"""What a mirror is told of an experiment and its trials: facts that do not change any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from heredity.encoding import Json, encode
from heredity.experiment import Report, TrialRecord, headline
from heredity.experiment.events import ExperimentStarted
from heredity.ids import CheckpointKey, TrialId

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentFacts:
    """An experiment's rules, as far as its results need them."""

    name: str
    objective: str
    direction: str
    further_objectives: Mapping[str, str]
    started_at: float


def experiment_facts(rules: ExperimentStarted) -> ExperimentFacts:
    """The facts of an experiment with these rules."""
    return ExperimentFacts(
        name=rules.experiment,
        objective=rules.objective,
        direction=rules.direction,
        further_objectives={name: str(way) for name, way in rules.further_objectives.items()},
        started_at=rules.at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialFacts:
    """A trial as it stands at one moment."""

    id: TrialId
    number: int
    state: str
    parents: tuple[TrialId, ...]
    lost_parents: tuple[TrialId, ...]
    twin_of: TrialId | None
    parameters: Mapping[str, Json]
    info: Mapping[str, Json]
    max_steps: int | None
    continues: bool
    attempt: int
    num_losses: int
    score: float | None
    metrics: Mapping[str, Json]
    resources: Mapping[str, Json]
    steps: int
    cumulative_steps: int
    """With those of its longest line of ancestors."""
    inheritance: Mapping[str, Json] | None
    checkpoint: CheckpointKey | None
    reports: tuple[Report, ...]
    stop_reason: str
    error: str
    """In a line; the journal has the traceback."""
    proposed_at: float
    started_at: float | None
    ended_at: float | None

    @property
    def is_failed(self) -> bool:
        """Whether it ended badly."""
        return self.state == "failed"


def trial_facts(record: TrialRecord) -> TrialFacts:
    """The facts of a trial, apart from its record, which goes on changing."""
    return TrialFacts(
        id=record.id,
        number=record.number,
        state=record.state.value,
        parents=record.parents,
        lost_parents=record.lost_parents,
        twin_of=record.twin_of,
        parameters=record.parameters,
        info=record.info,
        max_steps=record.max_steps,
        continues=record.continues,
        attempt=record.attempt,
        num_losses=record.num_losses,
        score=record.score,
        metrics=record.metrics,
        resources=record.resources,
        steps=record.steps,
        cumulative_steps=record.cumulative_steps,
        inheritance=record.inheritance,
        checkpoint=record.checkpoint,
        reports=tuple(record.reports),
        stop_reason=record.stop_reason,
        error=headline(record.error) if record.error else "",
        proposed_at=record.proposed_at,
        started_at=record.started_at,
        ended_at=record.ended_at,
    )


def flat(values: Mapping[str, Json], *, prefix: str = "") -> dict[str, Scalar]:
    """Nested values under dotted names; lists as JSON text, since a column holds one value."""
    return dict(_flat_pairs(values, prefix))


def _flat_pairs(values: Mapping[str, Json], prefix: str) -> Iterator[tuple[str, Scalar]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat_pairs(value, f"{prefix}{name}.")
        elif value is None or isinstance(value, str | int | float | bool):
            yield f"{prefix}{name}", value
        else:
            yield f"{prefix}{name}", encode(value).decode()


def numbers(values: Mapping[str, Json]) -> dict[str, float]:
    """Those values that a curve can be drawn of."""
    flattened = flat(values).items()
    return {
        name: float(value)
        for name, value in flattened
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def trial_row(trial: TrialFacts) -> dict[str, Scalar]:
    """One row of a table of trials; what only some trials have are columns with a prefix."""
    return {
        "trial": trial.id,
        "number": trial.number,
        "state": trial.state,
        "score": trial.score,
        "parents": " ".join(trial.parents),
        "lost_parents": " ".join(trial.lost_parents),
        "twin_of": trial.twin_of,
        "continues": trial.continues,
        "max_steps": trial.max_steps,
        "steps": trial.steps,
        "cumulative_steps": trial.cumulative_steps,
        "attempt": trial.attempt,
        "losses": trial.num_losses,
        "checkpoint": trial.checkpoint,
        "stop_reason": trial.stop_reason,
        "error": trial.error,
        "proposed_at": trial.proposed_at,
        "started_at": trial.started_at,
        "ended_at": trial.ended_at,
        **flat(trial.parameters, prefix="parameters."),
        **flat(trial.info, prefix="info."),
        **flat(trial.metrics, prefix="metrics."),
        **flat(trial.resources, prefix="resources."),
        **flat(trial.inheritance or {}, prefix="inherited."),
    }


def report_rows(trial: TrialFacts) -> list[dict[str, Scalar]]:
    """One row a report."""
    return [
        {
            "trial": trial.id,
            "step": report.step,
            "value": report.value,
            **flat(report.metrics, prefix="metrics."),
        }
        for report in trial.reports
    ]


def lineage_rows(trial: TrialFacts) -> list[dict[str, Scalar]]:
    """One row for each parent, and for each that was to be one."""
    kinds = (("parent", trial.parents), ("lost parent", trial.lost_parents))
    summary = trial.inheritance or {}
    heir_of = trial.parents[0] if trial.parents and trial.inheritance else None
    return [
        {
            "child": trial.id,
            "parent": parent,
            "kind": kind,
            "verdict": str(summary.get("verdict")) if parent == heir_of else None,
            "coverage": _number(summary.get("coverage")) if parent == heir_of else None,
        }
        for kind, parents in kinds
        for parent in parents
    ]


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) else None
