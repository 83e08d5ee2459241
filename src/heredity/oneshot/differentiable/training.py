"""A search as a trial: it reports, saves, stops by curvature, and goes on where it was lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

from heredity.oneshot.differentiable.search import Batch, DifferentiableSearch, StepLosses
from heredity.oneshot.selection import selecting
from heredity.oneshot.walking import selection_of

if TYPE_CHECKING:
    from heredity.encoding import Json
    from heredity.oneshot.differentiable.remedies.curvature import CurvatureRule
    from heredity.oneshot.walking import Architecture

BatchOf = Callable[[int], Batch]
"""The batch of a step, counted from 0: the same whenever it is asked for, such as `ShuffledBatches`."""

ARCHITECTURE = "architecture"
"""The entry of a checkpoint's metadata that says what would be derived from it."""


class SearchTrial(Protocol):
    """What a search needs of a trial; `heredity.Trial` is one."""

    @property
    def should_stop(self) -> bool:
        """Whether going on is not worth it."""

    def resume(self, module: torch.nn.Module) -> int:
        """Load what an earlier attempt has saved last, if there was one."""

    def report(self, value: float, *, step: int, metrics: Mapping[str, float]) -> None:
        """Say how good it is."""

    def save(
        self,
        module: torch.nn.Module,
        *,
        tag: str | None,
        metadata: Mapping[str, Json],
        example_inputs: tuple[torch.Tensor, ...] | None,
    ) -> object:
        """Publish it, with the graph of what runs on these inputs."""


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """What a search has come to.

    Attributes:
        architecture: What was derived.
        epoch: From the weights after which epoch, counted from 0.
        num_epochs: How many epochs were made.
        stopped: Why it ended early; empty if it did not.
    """

    architecture: Architecture
    epoch: int
    num_epochs: int
    stopped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRun:
    """A search with its data.

    Attributes:
        search: The search.
        train: Batches of the half of the data that trains the weights.
        validation: Batches of the other half, which trains the architecture.
        score: How good the supernet is now, such as its accuracy; what the trial reports.
        curvature: When to stop by the dominant eigenvalue (R-DARTS); None: never.
        example_inputs: Inputs as the network gets them: the last save has the graph of what was derived.
        max_skips: How many skips a derived cell may have.
        save_every: Publish the search after so many epochs, and at the end.
    """

    search: DifferentiableSearch
    train: BatchOf
    validation: BatchOf
    score: Callable[[], float]
    example_inputs: tuple[torch.Tensor, ...] | None = None
    curvature: CurvatureRule | None = None
    max_skips: int | None = None
    save_every: int = 1

    def in_trial(self, trial: SearchTrial) -> SearchOutcome:
        """Search until the end, from where an earlier attempt was lost.

        After every epoch it reports the score, and as metrics the entropy of the architecture and the losses;
        it prints the architecture where that has changed, and saves `search.state`.

        The last save is what children inherit from. Its metadata say what was derived, and its graph is that
        of the one path that was: a child of this architecture takes its slice over, and the certificate says
        that it computes what the supernet computes on this path alone. Of the mixture that was trained it
        says nothing. A wider child inherits too, as from any other parent.
        """
        trial.resume(self.search.state)
        before = self._architecture() if self.search.num_steps else None
        stopped, returned_to = self._curvature_verdict()
        while not stopped and self.search.num_steps < self.search.settings.num_steps:
            losses = self._one_epoch()
            stopped, returned_to = self._curvature_verdict()
            self._report(trial, losses)
            now = self._architecture()
            if now != before:
                print(f"Epoch {self._num_epochs}: {_told(now, before)}", flush=True)  # noqa: T201  # the trial's log
            before = now
            if not stopped and trial.should_stop:
                stopped = "the trial was stopped"
            is_last = stopped or self.search.num_steps >= self.search.settings.num_steps
            if not is_last and self._num_epochs % self.save_every == 0:
                self._save(trial, now, tag=f"epoch-{self._num_epochs}")
        epoch = self._num_epochs - 1 if returned_to is None else returned_to
        outcome = SearchOutcome(self._architecture(epoch), epoch, self._num_epochs, stopped)
        path = selection_of(self.search.supernet, outcome.architecture)
        with selecting(path):
            self._save(trial, outcome.architecture, tag=None, example_inputs=self.example_inputs)
        return outcome

    def _save(
        self,
        trial: SearchTrial,
        architecture: Architecture,
        *,
        tag: str | None,
        example_inputs: tuple[torch.Tensor, ...] | None = None,
    ) -> None:
        metadata = {ARCHITECTURE: dict(architecture)}
        trial.save(self.search.state, tag=tag, metadata=metadata, example_inputs=example_inputs)

    @property
    def _num_epochs(self) -> int:
        return self.search.num_steps // self.search.settings.steps_per_epoch

    def _architecture(self, epoch: int | None = None) -> Architecture:
        weights = None if epoch is None else self.search.weights_after(epoch)
        return self.search.architecture(weights, max_skips=self.max_skips)

    def _one_epoch(self) -> StepLosses:
        """The rest of the epoch; of the losses, the last."""
        while True:
            step = self.search.num_steps
            with self.search.state.own_randomness():  # for what augments the data
                train, validation = self.train(step), self.validation(step)
            losses = self.search.step(train, validation)
            if self.search.num_steps % self.search.settings.steps_per_epoch == 0:
                break
        if self.curvature is not None and (self._num_epochs - 1) % self.curvature.every_epochs == 0:
            value = self.search.dominant_eigenvalue(self.validation(self.search.num_steps - 1))
            self.search.state.curvature[self._num_epochs - 1] = value
        return losses

    def _curvature_verdict(self) -> tuple[str, int | None]:
        if self.curvature is None:
            return "", None
        measured = self.search.state.curvature[: self._num_epochs : self.curvature.every_epochs].tolist()
        epoch = self.curvature.epoch_to_return_to(measured)
        if epoch is None:
            return "", None
        return f"the curvature has grown by more than a factor of {self.curvature.factor}", epoch

    def _report(self, trial: SearchTrial, losses: StepLosses) -> None:
        metrics = {"entropy": self.search.entropy(), "train_loss": losses.train}
        if losses.validation is not None:
            metrics["validation_loss"] = losses.validation
        if self.curvature is not None:
            metrics["eigenvalue"] = float(self.search.state.curvature[self._num_epochs - 1])
        trial.report(self.score(), step=self.search.num_steps, metrics=metrics)


def _told(now: Architecture, before: Architecture | None) -> str:
    """What has changed, one decision after the other."""
    changed = {label: value for label, value in now.items() if before is None or before.get(label) != value}
    return ", ".join(f"{label} = {value}" for label, value in sorted(changed.items()))
