"""The settings of a differentiable search; the defaults are those of the DARTS paper and its code."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from heredity.errors import ConfigError
from heredity.oneshot.differentiable.bilevel import PUBLISHED_SCALE

Order = Literal["first", "second", "exact"]
"""How far the gradient by the architecture follows the weights: not at all; one step, by a difference, as
published; one step, exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightTraining:
    """SGD on the weights; its rate falls by a cosine, epoch by epoch."""

    rate: float = 0.025
    last_rate: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    """The largest norm of a gradient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchitectureTraining:
    """Adam on the architecture parameters."""

    rate: float = 3e-4
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 1e-3
    deviation: float = 1e-3
    """Of the normal distribution from which the parameters begin."""
    order: Order = "first"
    """The second order was measured to cost 2.6 times as much and to gain nothing on small problems."""
    difference_scale: float = PUBLISHED_SCALE
    """For the second order; see `finite_difference`."""
    warm_up_epochs: int = 0
    """So many epochs train the weights alone; PC-DARTS takes 15 of 50."""
    weigh_inputs: bool = False
    """Whether the edges of a node have weights of their own (PC-DARTS: edge normalization)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gumbel:
    """One candidate of each choice runs, drawn by its weight (Dong and Yang 2019, GDAS).

    The forward pass takes the one that was drawn, the backward pass the derivative of the soft weights at
    this temperature, which falls linearly, epoch by epoch.
    """

    first_temperature: float = 10.0
    last_temperature: float = 0.1

    def temperature(self, progress: float) -> float:
        """At a share of the search between 0 and 1."""
        return self.first_temperature + (self.last_temperature - self.first_temperature) * progress


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """How long a search goes on, and how.

    Raises:
        ConfigError: Two settings contradict one another, or a number is out of its range.
    """

    num_epochs: int
    steps_per_epoch: int
    weights: WeightTraining = field(default_factory=WeightTraining)
    architecture: ArchitectureTraining = field(default_factory=ArchitectureTraining)
    gumbel: Gumbel | None = None
    """Set it to draw one candidate a step; else all are mixed."""
    skip_beta: float = 0.0
    """What the auxiliary skips (DARTS-) begin with; 1 as published. Falls linearly to 0."""

    def __post_init__(self) -> None:
        if self.num_epochs < 1 or self.steps_per_epoch < 1:
            raise ConfigError(
                "a search: expected at least one epoch of one step, got "
                f"{self.num_epochs} of {self.steps_per_epoch}."
            )
        if not 0 <= self.architecture.warm_up_epochs < self.num_epochs:
            raise ConfigError(
                f"warm_up_epochs: expected 0 to {self.num_epochs - 1}, "
                f"got {self.architecture.warm_up_epochs}.",
                hint="In the warm-up the architecture stays as it is: leave epochs for it.",
            )
        if self.gumbel is not None and self.architecture.order != "first":
            raise ConfigError(
                f"order {self.architecture.order!r} with gumbel: expected 'first'.",
                hint="Each pass draws other candidates: a step of the weights tells little of the next.",
            )

    @property
    def num_steps(self) -> int:
        """Of the whole search."""
        return self.num_epochs * self.steps_per_epoch

    def rate_in(self, epoch: int) -> float:
        """The weights' learning rate in an epoch, counted from 0 (Loshchilov and Hutter 2017)."""
        first, last = self.weights.rate, self.weights.last_rate
        return last + (first - last) * (1 + math.cos(math.pi * epoch / self.num_epochs)) / 2

    def beta_in(self, epoch: int) -> float:
        """The share of the auxiliary skips in an epoch."""
        return self.skip_beta * (1 - epoch / self.num_epochs)

    def temperature_in(self, epoch: int) -> float:
        """The temperature of the Gumbel softmax in an epoch; 1 where none is drawn."""
        if self.gumbel is None:
            return 1.0
        return self.gumbel.temperature(epoch / max(1, self.num_epochs - 1))
