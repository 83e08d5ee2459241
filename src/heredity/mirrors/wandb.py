"""Results for Weights & Biases: a run a trial, in one group, offline unless asked otherwise."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from heredity.encoding import encode
from heredity.experiment import Report
from heredity.ids import TrialId
from heredity.mirrors.base import Mirror, MirrorSettings, needing, place_of
from heredity.mirrors.facts import ExperimentFacts, TrialFacts, flat, numbers

WHOLE = "whole.txt"
"""The trials whose runs have been written to their end, a line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsAndBiases(MirrorSettings):
    """A trial appears when it has ended. Offline runs go to the server with ``wandb sync``."""

    project: str = "heredity"
    mode: Literal["offline", "online"] = "offline"
    directory: Path | str | None = None
    """By default ``mirrors/wandb`` below the experiment's."""

    @property
    def kind(self) -> str:
        """``wandb``."""
        return "wandb"

    def open(self, directory: Path, experiment: ExperimentFacts) -> Mirror:
        """Make the folder, and remove runs that an end in the middle has left.

        Raises:
            ConfigError: wandb is not installed, or the folder cannot be made.
        """
        with needing("wandb"):
            import wandb  # noqa: PLC0415  # optional, and slow to load
        return _WandbMirror(wandb, self, place_of(self.directory, directory, "wandb"), experiment)


class _WandbMirror(Mirror):
    def __init__(
        self,
        wandb: Any,  # noqa: ANN401  # its init takes what changes from version to version
        settings: WeightsAndBiases,
        folder: Path,
        experiment: ExperimentFacts,
    ) -> None:
        self._wandb = wandb
        self._settings = settings
        self._folder = folder
        self._experiment = experiment
        list_of_whole = folder / WHOLE
        text = list_of_whole.read_text("utf-8") if list_of_whole.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # an end in the middle of a line; what is appended must not join it
            list_of_whole.write_text(whole, "utf-8")
        self._whole = {TrialId(line) for line in whole.splitlines()}

    @property
    def place(self) -> str:
        return str(self._folder)

    def known(self) -> set[TrialId]:
        return set(self._whole)

    def report(self, trial: TrialFacts, report: Report) -> None:
        """Only whole trials are written: a run cannot take a step back if its attempt is lost."""

    def write(self, trial: TrialFacts) -> None:
        run_id = self._run_id(trial.id)
        for leftover in (self._folder / "wandb").glob(f"*run-*-{run_id}"):
            shutil.rmtree(leftover)
        run = self._wandb.init(
            project=self._settings.project,
            group=self._experiment.name,
            name=trial.id,
            id=run_id,
            dir=str(self._folder),
            mode=self._settings.mode,
            config=self._config(trial),
            tags=[trial.state],
            reinit="create_new",
            settings=self._quiet(),
        )
        for report in trial.reports:
            values = {self._experiment.objective: report.value, **numbers(report.metrics)}
            run.log(values, step=report.step)
        run.summary.update(self._summary(trial))
        run.finish(exit_code=1 if trial.is_failed else 0)
        with (self._folder / WHOLE).open("a", encoding="utf-8") as file:
            file.write(f"{trial.id}\n")

    def flush(self) -> None:
        """Each trial is there when `write` returns."""

    def close(self) -> None:
        """Let go of wandb's helper process."""
        self._wandb.teardown()

    def _quiet(self) -> Any:  # noqa: ANN401  # wandb's settings
        """Else it measures the machine and catches the output of this process, instead of the trial's."""
        return self._wandb.Settings(
            silent=True, console="off", disable_git=True, disable_code=True, x_disable_stats=True
        )

    def _run_id(self, trial: TrialId) -> str:
        """The same whenever this experiment is mirrored, and no other's."""
        experiment = self._experiment
        text = encode([experiment.name, experiment.started_at, trial])
        return hashlib.blake2b(text, digest_size=8).hexdigest()

    def _config(self, trial: TrialFacts) -> dict[str, object]:
        lineage = {
            "parents": list(trial.parents),
            "parent_runs": [self._run_id(parent) for parent in trial.parents],
            "twin_of": trial.twin_of,
            "continues": trial.continues,
            "max_steps": trial.max_steps,
            "info": dict(trial.info),
        }
        return {**flat(trial.parameters), "heredity": lineage}

    def _summary(self, trial: TrialFacts) -> dict[str, object]:
        return {
            "score": trial.score,
            "state": trial.state,
            "steps": trial.steps,
            "cumulative_steps": trial.cumulative_steps,
            "stop_reason": trial.stop_reason,
            "error": trial.error,
            **flat(trial.metrics, prefix="final."),
            **flat(trial.resources, prefix="resources."),
            **flat(trial.inheritance or {}, prefix="inherited."),
        }
