"""How a controller learns, by REINFORCE and as a trial (Pham et al. 2018, ENAS)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from heredity.errors import InputError
from heredity.oneshot.elastic.parts import Parts
from heredity.oneshot.sampled.controller import Controller
from heredity.oneshot.sampled.training import SupernetTraining, SupernetTrial

if TYPE_CHECKING:
    from heredity.encoding import Json


@dataclass(frozen=True, kw_only=True)
class ControllerTraining:
    """Draws some architectures, rewards them, makes the better ones likelier; as often as it is to.

    With `weights` the supernet learns in turn with its controller, as published: before each step of the
    controller come as many steps of the weights as make both end together. Give that training a
    `ControlledPaths` of the same controller as its sampler. A training that was killed goes on from its last
    checkpoint to the same bits, as `SupernetTraining` does.

    Attributes:
        controller: What learns.
        optimizer: Its optimizer.
        reward: Of an architecture, such as its score with the supernet's weights on a validation batch.
        seed: Which random numbers.
        num_steps: How many steps there are.
        report_every: After how many steps it is reported and saved; the last step counts too.
        weights: How the supernet is trained in turn; what it says of reports is not used. None: not at all.
        num_draws: How many architectures are drawn a step.
        decay: How much of the baseline, the running mean of the rewards, stays at each step.
        entropy_weight: How much it is worth not to be certain.

    Raises:
        InputError: A number is below 1, or the steps of the weights are no multiple of the controller's.
    """

    controller: Controller
    optimizer: torch.optim.Optimizer
    reward: Callable[[Mapping[str, Json]], float]
    seed: int
    num_steps: int
    report_every: int
    weights: SupernetTraining | None = None
    num_draws: int = 4
    decay: float = 0.95
    entropy_weight: float = 1e-4

    def __post_init__(self) -> None:
        for name in ("num_steps", "report_every", "num_draws"):
            if getattr(self, name) < 1:
                raise InputError(
                    f"ControllerTraining: {name}: expected at least 1, got {getattr(self, name)}."
                )
        if self.weights is not None and self.weights.num_steps % self.num_steps:
            raise InputError(
                f"ControllerTraining: weights: expected a multiple of num_steps = {self.num_steps} as the "
                f"number of its steps, got {self.weights.num_steps}.",
                hint="So many steps of the weights come before each step of the controller.",
            )

    @property
    def state(self) -> nn.Module:
        """What a checkpoint holds: the ``controller``, and the ``supernet`` if it is trained in turn.

        A trial that judges by these weights builds the same training, and gives this to `attach`.
        """
        parts: dict[str, nn.Module] = {"controller": self.controller}
        return nn.ModuleDict(parts if self.weights is None else {**parts, "supernet": self.weights.supernet})

    def run(self, trial: SupernetTrial) -> float:
        """Train as a trial: resume, train, report, save.

        Returns:
            The last score, which is the running mean of the rewards.
        """
        rates = [] if self.weights is None else [group["lr"] for group in self.weights.optimizer.param_groups]
        state, both, parts = self.state, _Both(*self._optimizers()), Parts()
        done = trial.resume(state, optimizer=both)
        both.hand_back()
        for number in range(done, self.num_steps):
            self._train_weights(number, rates=rates, seed=trial.seed, parts=parts)
            torch.manual_seed((trial.seed * 1_000_003 + number) % 2**63)  # of what a reward draws
            self.step(number)
            is_last = number + 1 == self.num_steps
            if is_last or (number + 1) % self.report_every == 0:
                trial.report(self.controller.baseline.item(), step=number + 1)
                tag = None if is_last else f"step-{number + 1}"
                trial.save(state, optimizer=_Both(*self._optimizers()), tag=tag)
                if trial.should_stop:
                    break
        return self.controller.baseline.item()

    def step(self, number: int) -> float:
        """Learn from the draws of the step with a number; give their mean reward."""
        first = (self.seed * 1_000_003 + number) * self.num_draws
        draws = [self.controller.draw(seed=(first + place) % 2**63) for place in range(self.num_draws)]
        rewards = [self.reward(draw.architecture) for draw in draws]
        mean = sum(rewards) / len(rewards)
        baseline = self.controller.baseline
        known = mean if baseline.isnan() else self.decay * baseline.item() + (1 - self.decay) * mean
        baseline.fill_(known)
        losses = [
            -(reward - known) * draw.log_probability - self.entropy_weight * draw.entropy
            for reward, draw in zip(rewards, draws, strict=True)
        ]
        self.optimizer.zero_grad()
        torch.stack(losses).mean().backward()  # type: ignore[no-untyped-call]  # torch's own
        self.optimizer.step()
        return mean

    def _train_weights(self, number: int, *, rates: list[float], seed: int, parts: Parts) -> None:
        if self.weights is None:
            return
        share = self.weights.num_steps // self.num_steps
        for place in range(number * share, (number + 1) * share):
            self.weights.train_step(place, rates=rates, seed=seed, parts=parts)

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        return [self.optimizer] if self.weights is None else [self.optimizer, self.weights.optimizer]


class _Both(torch.optim.Optimizer):
    """Two optimizers as one, for checkpoints: with the groups and the slots that they have at this moment."""

    def __init__(self, *optimizers: torch.optim.Optimizer) -> None:
        super().__init__([group for each in optimizers for group in each.param_groups], {})
        self._optimizers = optimizers
        for each in optimizers:
            self.state.update(each.state)

    def hand_back(self) -> None:
        """Give each optimizer the slots of its parameters."""
        for each in self._optimizers:
            parameters = [parameter for group in each.param_groups for parameter in group["params"]]
            each.state.update({one: self.state[one] for one in parameters if one in self.state})
