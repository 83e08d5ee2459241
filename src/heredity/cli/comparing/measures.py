"""What an experiment came to: its best trial, what it cost, its anytime curve, what inheritance gave."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from heredity.encoding import Json
from heredity.experiment import ExperimentState, Outcome, TrialRecord, merit_of, outcomes
from heredity.experiment.lineage import all_cumulative_steps
from heredity.ids import TrialId

Cost = Callable[[TrialRecord], float]


def cpu_seconds(record: TrialRecord) -> float:
    """Seconds of the processor that the last attempt took; 0 if they were not measured."""
    value = record.resources.get("cpu_seconds")
    return float(value) if isinstance(value, int | float) else 0.0


COSTS: Mapping[str, Cost] = {
    "steps": lambda record: record.steps,
    "trials": lambda _: 1,
    "cpu": cpu_seconds,
    "seconds": lambda record: record.seconds or 0.0,
}
"""What a trial costs, by each measure: its own steps, itself, its processor's seconds, its own seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BestTrial:
    """The best trial, and whether it owes anything to inheritance."""

    trial: TrialId
    score: float
    steps: int
    cumulative_steps: int
    parent: TrialId | None
    verdict: str
    """The certificate of what it inherited; empty if it inherited nothing."""
    coverage: float | None

    def to_json(self) -> dict[str, Json]:
        """For `--json`."""
        return {
            "trial": self.trial,
            "score": self.score,
            "steps": self.steps,
            "cumulative_steps": self.cumulative_steps,
            "parent": self.parent,
            "verdict": self.verdict or None,
            "coverage": self.coverage,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Gains:
    """Children beside their twins that were trained from nothing."""

    num_heirs: int
    """Trials that took over weights."""
    num_exact: int
    mean_coverage: float | None
    num_pairs: int
    """Heirs with a twin, both scored."""
    num_better: int
    mean_difference: float | None
    """Of the scores, turned so that more is better."""
    num_reached: int
    """Heirs with reports as good as their twin's end."""
    median_share_of_steps: float | None
    """Steps until then, as a share of the twin's."""

    def to_json(self) -> dict[str, Json]:
        """For `--json`."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """One experiment, in numbers."""

    name: str
    objective: str
    direction: str
    states: Mapping[str, int]
    best: BestTrial | None
    totals: Mapping[str, float]
    """By the names of `COSTS`; ``wall`` from the first start to the last end."""
    gains: Gains


def measures_of(state: ExperimentState) -> Measures:
    """Measure an experiment, finished or not."""
    records = list(state.trials.values())
    totals = {name: float(sum(map(cost, records))) for name, cost in COSTS.items()}
    return Measures(
        name=state.rules.experiment,
        objective=state.rules.objective,
        direction=state.rules.direction,
        states=Counter(record.state.value for record in records),
        best=_best(state),
        totals={**totals, "wall": _wall_seconds(records)},
        gains=_gains(state, outcomes(state)),
    )


def _wall_seconds(records: Sequence[TrialRecord]) -> float:
    starts = [record.started_at for record in records if record.started_at is not None]
    ends = [record.ended_at for record in records if record.ended_at is not None]
    return max(0.0, max(ends) - min(starts)) if starts and ends else 0.0


def _best(state: ExperimentState) -> BestTrial | None:
    best, best_merit = None, 0.0
    for record in state.trials.values():
        merit = merit_of(record.score, state.rules)
        if merit is not None and (best is None or merit > best_merit):
            best, best_merit = record, merit
    if best is None or best.score is None:
        return None
    summary = best.inheritance or {}
    coverage = summary.get("coverage")
    return BestTrial(
        trial=best.id,
        score=best.score,
        steps=best.steps,
        cumulative_steps=all_cumulative_steps(state.trials)[best.id],
        parent=best.parents[0] if best.parents else None,
        verdict=str(summary.get("verdict", "")),
        coverage=float(coverage) if isinstance(coverage, int | float) else None,
    )


def _gains(state: ExperimentState, measured: Sequence[Outcome]) -> Gains:
    heirs = [outcome for outcome in measured if outcome.inheritance is not None]
    coverages = [
        float(coverage)
        for heir in heirs
        if isinstance(coverage := (heir.inheritance or {}).get("coverage"), int | float)
    ]
    differences = [
        mine - other
        for heir in heirs
        if (mine := merit_of(heir.score, state.rules)) is not None
        and (other := merit_of(heir.twin_score, state.rules)) is not None
    ]
    shares = [
        heir.steps_to_twin / heir.twin_steps
        for heir in heirs
        if heir.steps_to_twin is not None and heir.twin_steps
    ]
    return Gains(
        num_heirs=len(heirs),
        num_exact=sum((heir.inheritance or {}).get("verdict") == "exact" for heir in heirs),
        mean_coverage=statistics.fmean(coverages) if coverages else None,
        num_pairs=len(differences),
        num_better=sum(difference > 0 for difference in differences),
        mean_difference=statistics.fmean(differences) if differences else None,
        num_reached=len(shares),
        median_share_of_steps=statistics.median(shares) if shares else None,
    )


def anytime_curve(state: ExperimentState, cost: Cost) -> list[tuple[float, float]]:
    """The best score so far by what had been paid for it, in the order in which the trials ended.

    What a trial costs is paid when it ends, failed or not. Only improvements are in the list.
    """
    ended = sorted(
        (record for record in state.trials.values() if record.ended_at is not None),
        key=lambda record: record.ended_at or 0.0,
    )
    paid, best, curve = 0.0, None, []
    for record in ended:
        paid += cost(record)
        merit = merit_of(record.score, state.rules)
        if merit is not None and record.score is not None and (best is None or merit > best):
            best = merit
            curve.append((paid, record.score))
    return curve


def score_at(curve: Sequence[tuple[float, float]], paid: float) -> float | None:
    """The best score that had been found for this cost; None before the first."""
    found = [score for cost, score in curve if cost <= paid]
    return found[-1] if found else None
