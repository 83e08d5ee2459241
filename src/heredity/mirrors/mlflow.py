"""Results for MLflow: a run a trial, below its parent's run, with hyperparameters, metrics and lineage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from heredity.experiment import Report
from heredity.ids import TrialId
from heredity.mirrors.base import Mirror, MirrorSettings, needing, place_of
from heredity.mirrors.facts import ExperimentFacts, TrialFacts, flat, numbers

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

MAX_METRICS, MAX_PARAMETERS, PAGE = 1000, 100, 1000
"""What one request to MLflow may hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MLflow(MirrorSettings):
    """Look at it with ``mlflow ui --backend-store-uri URI``; a trial appears when it has ended."""

    tracking_uri: str | None = None
    """A server or a database; by default SQLite in ``mirrors/mlflow`` below the experiment's directory."""

    @property
    def kind(self) -> str:
        """``mlflow``."""
        return "mlflow"

    def open(self, directory: Path, experiment: ExperimentFacts) -> Mirror:
        """Connect, and find what is there.

        Raises:
            ConfigError: MLflow is not installed, or the folder cannot be made.
        """
        with needing("mlflow"):
            from mlflow import MlflowClient  # noqa: PLC0415  # optional, and slow to load
        uri = self.tracking_uri
        artifacts = None
        if uri is None:
            folder = place_of(None, directory, "mlflow").resolve()
            uri, artifacts = f"sqlite:///{folder}/mlflow.db", f"file://{folder}/artifacts"
        return _MLflowMirror(MlflowClient(uri), uri, experiment, artifacts=artifacts)


class _MLflowMirror(Mirror):
    """A run that is finished is whole; one that still runs was left by an end in the middle."""

    def __init__(
        self, client: MlflowClient, uri: str, experiment: ExperimentFacts, *, artifacts: str | None
    ) -> None:
        self._client = client
        self._uri = uri
        self._experiment = experiment
        found = client.get_experiment_by_name(experiment.name)
        self._experiment_id: str = (
            client.create_experiment(experiment.name, artifact_location=artifacts)
            if found is None
            else found.experiment_id
        )
        self._runs = self._find_runs()

    @property
    def place(self) -> str:
        return self._uri

    def known(self) -> set[TrialId]:
        return set(self._runs)

    def report(self, trial: TrialFacts, report: Report) -> None:
        """Only whole trials are written: MLflow cannot take a metric back if its attempt is lost."""

    def write(self, trial: TrialFacts) -> None:
        from mlflow.entities import Metric, Param  # noqa: PLC0415  # optional

        started = trial.started_at or trial.proposed_at
        tags = self._tags(trial)
        run = self._client.create_run(
            self._experiment_id, start_time=round(started * 1000), tags=tags, run_name=trial.id
        )
        run_id = run.info.run_id
        parameters = [Param(name, str(value)) for name, value in flat(trial.parameters).items()]
        for part in _portions(parameters, MAX_PARAMETERS):
            self._client.log_batch(run_id, params=part)
        at = round((trial.ended_at or started) * 1000)
        points: list[Metric] = [
            Metric(name, value, at, report.step)
            for report in trial.reports
            for name, value in {self._experiment.objective: report.value, **numbers(report.metrics)}.items()
        ]
        last = trial.reports[-1].step if trial.reports else trial.steps
        points += [Metric(name, value, at, last) for name, value in self._final(trial).items()]
        for portion in _portions(points, MAX_METRICS):
            self._client.log_batch(run_id, metrics=portion)
        self._client.set_terminated(run_id, status="FAILED" if trial.is_failed else "FINISHED", end_time=at)
        self._runs[trial.id] = run_id

    def flush(self) -> None:
        """Each trial is there when `write` returns."""

    def close(self) -> None:
        """Nothing is held."""

    def _final(self, trial: TrialFacts) -> dict[str, float]:
        score = {} if trial.score is None else {f"final_{self._experiment.objective}": trial.score}
        metrics = {f"final_{name}": value for name, value in numbers(trial.metrics).items()}
        used = {f"resources.{name}": value for name, value in numbers(trial.resources).items()}
        inherited = {f"inherited.{name}": value for name, value in numbers(trial.inheritance or {}).items()}
        steps = {"steps": float(trial.steps), "cumulative_steps": float(trial.cumulative_steps)}
        return {**score, **metrics, **used, **inherited, **steps}

    def _tags(self, trial: TrialFacts) -> dict[str, str]:
        tags = {
            "heredity.trial": trial.id,
            "heredity.parents": " ".join(trial.parents),
            "heredity.state": trial.state,
            "heredity.twin_of": trial.twin_of or "",
            "heredity.checkpoint": trial.checkpoint or "",
            "heredity.stop_reason": trial.stop_reason,
            "heredity.error": trial.error,
            **{f"heredity.info.{name}": str(value) for name, value in flat(trial.info).items()},
        }
        if trial.inheritance is not None:
            tags["heredity.inherited"] = str(trial.inheritance.get("verdict"))
        parent = self._runs.get(trial.parents[0]) if trial.parents else None
        if parent is not None:
            tags["mlflow.parentRunId"] = parent  # MLflow draws the lineage as a tree
        return {name: value for name, value in tags.items() if value}

    def _find_runs(self) -> dict[TrialId, str]:
        runs: dict[TrialId, str] = {}
        token = None
        while True:
            page = self._client.search_runs([self._experiment_id], max_results=PAGE, page_token=token)
            for run in page:
                trial = run.data.tags.get("heredity.trial")
                if trial is None:
                    continue
                if run.info.status == "RUNNING":
                    self._client.delete_run(run.info.run_id)
                else:
                    runs[TrialId(trial)] = run.info.run_id
            token = page.token
            if not token:
                return runs


T = TypeVar("T")


def _portions(entries: Sequence[T], size: int) -> list[Sequence[T]]:
    return [entries[start : start + size] for start in range(0, len(entries), size)]
