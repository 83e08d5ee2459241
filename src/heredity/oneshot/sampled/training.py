"""Training a supernet as a trial: reports, checkpoints, and a resumption that changes no bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

from heredity.errors import InputError
from heredity.oneshot.elastic.parts import Parts
from heredity.oneshot.sampled.samplers import Sampler
from heredity.oneshot.sampled.stepping import Loss, step

if TYPE_CHECKING:
    from heredity.store import Checkpoint


class SupernetTrial(Protocol):
    """What a training needs of a `heredity.Trial`."""

    @property
    def seed(self) -> int:
        """The trial's seed."""
        ...

    @property
    def should_stop(self) -> bool:
        """Whether it is not worth going on with."""
        ...

    def resume(self, module: torch.nn.Module, *, optimizer: torch.optim.Optimizer | None = None) -> int:
        """Go on from the last checkpoint."""
        ...

    def report(
        self, value: float, *, step: int | None = None, metrics: Mapping[str, float] | None = None
    ) -> None:
        """Report a value."""
        ...

    def save(
        self,
        module: torch.nn.Module,
        *,
        optimizer: torch.optim.Optimizer | None = None,
        tag: str | None = None,
    ) -> Checkpoint:
        """Publish the weights."""
        ...


@dataclass(frozen=True, kw_only=True)
class SupernetTraining:
    """How a supernet is trained, step by step.

    All that is random hangs on the trial's seed and the step's number alone: torch's generator is seeded anew
    at each step, and the sampler and the batches are functions of it. So a training that was killed goes on
    from its last checkpoint to the same bits, with no generator's state to be kept.

    Attributes:
        supernet: What is trained.
        optimizer: Its optimizer; its learning rates are those at the beginning.
        sampler: Which architectures run.
        batch: Inputs and targets of a step, by its number.
        loss: Of an output and targets.
        num_steps: How many steps there are.
        score: What is reported of the supernet, such as the mean `score_of` of a few architectures.
        report_every: After how many steps it is reported and saved; the last step counts too.
        distill: See `step`.
        schedule: The learning rate at a step, as a share of that at the beginning.
    """

    supernet: torch.nn.Module
    optimizer: torch.optim.Optimizer
    sampler: Sampler
    batch: Callable[[int], tuple[torch.Tensor, torch.Tensor]]
    loss: Loss
    num_steps: int
    score: Callable[[torch.nn.Module], float]
    report_every: int
    distill: Loss | None = None
    schedule: Callable[[int], float] | None = None

    def __post_init__(self) -> None:
        for name, number in (("num_steps", self.num_steps), ("report_every", self.report_every)):
            if number < 1:
                raise InputError(f"SupernetTraining: {name}: expected at least 1, got {number}.")

    def run(self, trial: SupernetTrial) -> float:
        """Train as a trial: resume, train, report, save.

        Returns:
            The last score.
        """
        rates = [group["lr"] for group in self.optimizer.param_groups]
        done = trial.resume(self.supernet, optimizer=self.optimizer)
        parts, score = Parts(), 0.0
        for number in range(done, self.num_steps):
            self.train_step(number, rates=rates, seed=trial.seed, parts=parts)
            if (number + 1) % self.report_every == 0 or number + 1 == self.num_steps:
                score = self._report(trial, number + 1)
                if trial.should_stop:
                    return score
        return score if done < self.num_steps else self.score(self.supernet)

    def train_step(self, number: int, *, rates: list[float], seed: int, parts: Parts) -> float:
        """Train the step with a number, from 0, and give its loss."""
        torch.manual_seed((seed * 1_000_003 + number) % 2**63)
        self.supernet.train()
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * (1.0 if self.schedule is None else self.schedule(number))
        return step(
            self.supernet,
            self.optimizer,
            self.batch(number),
            self.sampler.draw(number),
            loss=self.loss,
            distill=self.distill,
            parts=parts,
        )

    def _report(self, trial: SupernetTrial, num_done: int) -> float:
        score = self.score(self.supernet)
        trial.report(score, step=num_done)
        is_last = num_done == self.num_steps
        trial.save(self.supernet, optimizer=self.optimizer, tag=None if is_last else f"step-{num_done}")
        return score
