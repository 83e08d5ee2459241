"""Differentiable searches in a supernet with copies: DARTS, and one remedy at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from oneshot_spaces import TruthSpace
from torch import nn
from torch.nn import functional

from heredity.oneshot import Selection
from heredity.oneshot.differentiable import (
    ArchitectureTraining,
    DifferentiableSearch,
    Gumbel,
    SearchRun,
    SearchSettings,
    ShuffledBatches,
)
from heredity.oneshot.differentiable.remedies import AuxiliarySkip, CurvatureRule, PartialChannels
from heredity.oneshot.differentiable.settings import Order, WeightTraining

_EPOCHS = 20
_RATE = 6e-3
"""Of the architecture; the published 3e-4 moves nothing in so few steps."""


@dataclass(frozen=True)
class Remedy:
    """A differentiable search, and what keeps it from collapsing.

    Attributes:
        about: What it is.
        order: Of the architecture's gradient.
        wrap: What goes around a block's choice.
        channels: Of a block's inputs, one in so many runs.
        beta: What auxiliary skips begin with.
        curvature: When to stop.
        perturbation: Whether the architecture is decided by what is missed, and not by weight.
        gumbel: Whether one candidate is drawn a step.
    """

    about: str
    order: Order = "first"
    wrap: Callable[[nn.Module], nn.Module] = lambda block: block
    channels: int = 1
    beta: float = 0.0
    curvature: CurvatureRule | None = None
    perturbation: bool = False
    gumbel: bool = False


MIXTURES: Mapping[str, Remedy] = {
    "darts-first": Remedy("DARTS, first order."),
    "darts-second": Remedy("DARTS, second order by a difference of scale 0.1.", order="second"),
    "darts-partial": Remedy(
        "a quarter of the channels, weights alone for a third.", wrap=PartialChannels, channels=4
    ),
    "darts-skips": Remedy("DARTS-: a skip beside each mixture, which fades.", wrap=AuxiliarySkip, beta=1.0),
    "darts-curvature": Remedy(
        "R-DARTS: back to before the dominant eigenvalue grew.",
        curvature=CurvatureRule(window=3, delta=2, from_epoch=4),
    ),
    "darts-perturbation": Remedy("DARTS-PT: the candidate that is missed most.", perturbation=True),
    "gdas": Remedy("one candidate of each choice is drawn a step (GDAS).", gumbel=True),
}
Logs = dict[str, dict[str, float]]


def search(
    space: TruthSpace, remedy: Remedy, *, seed: int, share: float
) -> tuple[Logs, str, dict[str, Any]]:  # Any: plain data for JSON
    """Search; give each candidate's log weight by choice, the derived network's name, and what was seen."""
    torch.manual_seed(seed)
    train, validation = (
        ShuffledBatches(x, y, batch_size=space.batch, seed=seed)
        for x, y in (space.train_rows(), space.load().val)
    )
    # GDAS runs one candidate of nine, and gets more steps for the same cost.
    per_epoch = max(2, round(share * (40 if remedy.gumbel else 20)))
    mixture = DifferentiableSearch(
        space.copies(remedy.wrap, channels=16 // remedy.channels),
        settings=_settings(remedy, per_epoch=per_epoch),
        criterion=functional.cross_entropy,
        seed=seed,
    )
    rows = slice(0, 500)
    x, y = space.load().val

    def score(selection: Selection | None = None) -> float:
        return mixture.accuracy([(x[rows], y[rows])], selection)

    run = SearchRun(
        search=mixture, train=train, validation=validation, score=score, curvature=remedy.curvature
    )
    outcome = run.in_trial(_Alone())
    weights = mixture.weights_after(outcome.epoch)
    chosen, about = outcome.architecture, {"epochs": outcome.num_epochs, "stopped": outcome.stopped}
    if remedy.perturbation:
        while mixture.decide_next(score) is not None:
            for _ in range(per_epoch):
                mixture.step(train(mixture.num_steps), validation(mixture.num_steps))
        chosen = mixture.architecture()
    logs = {
        label: dict(zip(map(str, point.candidates), weights[label].log().tolist(), strict=True))
        for label, point in mixture.state.architecture.points.items()
    }
    return logs, space.from_copies(chosen), {**about, "entropy": mixture.entropy()}


def _settings(remedy: Remedy, *, per_epoch: int) -> SearchSettings:
    return SearchSettings(
        num_epochs=_EPOCHS,
        steps_per_epoch=per_epoch,
        weights=WeightTraining(rate=0.05),
        architecture=ArchitectureTraining(
            order=remedy.order,
            rate=_RATE,
            difference_scale=0.1,
            warm_up_epochs=_EPOCHS // 3 if remedy.channels > 1 else 0,
        ),
        gumbel=Gumbel() if remedy.gumbel else None,
        skip_beta=remedy.beta,
    )


class _Alone:
    """A trial of nobody: what a search reports and saves is not kept."""

    should_stop = False

    def resume(self, module: nn.Module) -> int:  # noqa: ARG002  # the trial's protocol
        """There was nothing before."""
        return 0

    def report(self, value: float, *, step: int, metrics: Mapping[str, float]) -> None:
        """Nobody listens."""

    def save(self, module: nn.Module, **about: object) -> None:
        """Nobody goes on."""
