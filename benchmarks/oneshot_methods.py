"""The methods whose judgement is compared with the truth: sampled supernets, mixtures and heirs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from oneshot_mixing import MIXTURES, Remedy, search
from oneshot_spaces import TruthSpace
from oneshot_tables import rate_at
from torch import Tensor, nn
from torch.nn import functional
from uses_running import as_number, quiet

import heredity as hd
from heredity.oneshot import Parts, space_of
from heredity.oneshot.differentiable import ShuffledBatches
from heredity.oneshot.sampled import (
    FairPaths,
    Sampler,
    Sandwich,
    SupernetTraining,
    UniformPaths,
    score_of,
    soft_cross_entropy,
)
from heredity.strategies import Fresh, RegularizedEvolution, Strategy

Architecture = Mapping[str, Any]  # Any: whatever the space holds
_PATHS = 2400
"""How many sub-networks' steps a supernet is trained for, whatever draws them: equal cost."""


@dataclass(frozen=True)
class Found:
    """What a method says of a space.

    Attributes:
        scores: By network; more is better. Empty where it ranks nothing.
        chosen: The network that it would take.
        seconds: Of the processor: what training the method took.
        judging_seconds: What judging all these networks took.
        about: What else is worth knowing.
    """

    scores: Mapping[str, float]
    chosen: str
    seconds: float
    judging_seconds: float = 0.0
    about: Mapping[str, Any] = field(default_factory=dict)  # Any: plain data for JSON


Method = Callable[[TruthSpace, int, float, list[str]], Found]
"""Of a space, a seed, a share of the full length, and the names of the networks to judge."""


def _sampled(  # noqa: PLR0913  # what a supernet's training is made of
    space: TruthSpace,
    seed: int,
    share: float,
    keys: list[str],
    *,
    sampler: Callable[..., Sampler],
    copies: bool = False,
    distill: bool = False,
) -> Found:
    began = time.process_time()
    torch.manual_seed(seed)
    supernet = space.copies() if copies else space.slices()
    drawn = sampler(supernet, seed=seed)
    x, y = space.train_rows()
    num_steps = max(1, round(share * _PATHS / len(drawn.draw(0))))
    optimizer = torch.optim.SGD(
        supernet.parameters(), space.rate, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    training = SupernetTraining(
        supernet=supernet,
        optimizer=optimizer,
        sampler=drawn,
        batch=ShuffledBatches(x, y, batch_size=space.batch, seed=seed),
        loss=functional.cross_entropy,
        num_steps=num_steps,
        score=lambda _: 0.0,
        report_every=num_steps,
        distill=soft_cross_entropy if distill else None,
        schedule=lambda step: rate_at((step + 1) / num_steps),
    )
    parts = Parts()
    for step in range(num_steps):
        training.train_step(step, rates=[space.rate], seed=seed, parts=parts)
    trained = time.process_time() - began
    named = {key: space.to_copies(key) if copies else space.keys()[key] for key in keys}
    scores = _judged(space, supernet, named)
    return Found(
        scores,
        max(scores, key=lambda key: scores[key]),
        trained,
        time.process_time() - began - trained,
        {"steps": num_steps},
    )


def _judged(space: TruthSpace, supernet: nn.Module, named: Mapping[str, Architecture]) -> dict[str, float]:
    """The validation accuracy of each with the supernet's weights, its statistics taken anew."""
    x, _ = space.train_rows()
    batches = list(torch.split(x[:800], 200))
    metric = partial(accuracy, split=space.load().val)
    return {
        key: score_of(supernet, architecture, batches=batches, metric=metric)
        for key, architecture in named.items()
    }


@torch.no_grad()
def accuracy(module: nn.Module, split: tuple[Tensor, Tensor]) -> float:
    """The share of right answers of a network in eval mode."""
    module.eval()
    logits = torch.cat([module(rows) for rows in torch.split(split[0], 1000)])
    return float((logits.argmax(1) == split[1]).float().mean())


def _mixture(space: TruthSpace, seed: int, share: float, keys: list[str], *, remedy: Remedy) -> Found:
    began = time.process_time()
    logs, chosen, about = search(space, remedy, seed=seed, share=share)
    seconds = time.process_time() - began
    scores = {
        key: sum(logs[label][str(value)] for label, value in space.to_copies(key).items()) for key in keys
    }
    return Found(scores, chosen, seconds, about=about)


def _evolution(
    space: TruthSpace,
    seed: int,
    share: float,
    _keys: list[str],
    *,
    wrap: Callable[[Strategy], Strategy] = lambda strategy: strategy,
) -> Found:
    """Regularized evolution with children of one epoch; of networks that come again the last score."""
    began = time.process_time()
    strategy = RegularizedEvolution(
        space_of(space.slices()), seed=seed, population_size=10, sample_size=3, max_steps=1
    )
    num_trials = max(12, round(60 * share))
    with tempfile.TemporaryDirectory() as folder, quiet():
        state = hd.Experiment(
            train=partial(_child, space),
            name="truth",
            strategy=wrap(strategy),
            seed=seed,
            budget=hd.Budget(concurrency=1, max_trials=num_trials, min_coverage=0.0),
            executor="inline",
            directory=str(Path(folder, "run")),
        ).run()
    seconds = time.process_time() - began
    names = {_frozen(architecture): key for key, architecture in space.keys().items()}
    scores = {names[_frozen(record.parameters)]: as_number(record.score) for record in state.trials.values()}
    about = {
        "trials": num_trials,
        "heirs": sum(record.inheritance is not None for record in state.trials.values()),
    }
    return Found(scores, max(scores, key=lambda key: scores[key]), seconds, about=about)


def _child(space: TruthSpace, trial: hd.Trial) -> float:
    module = space.network(trial.parameters, seed=trial.seed)
    x, y = space.train_rows()
    inheritance = trial.inherit(module)
    rate = space.rate / 2 * (0.4 if inheritance is not None else 1.0)
    optimizer = torch.optim.SGD(module.parameters(), rate, momentum=0.9, nesterov=True, weight_decay=5e-4)
    module.train()
    for rows in torch.split(torch.randperm(len(x)), space.batch):
        optimizer.zero_grad()
        torch.autograd.backward(functional.cross_entropy(module(x[rows]), y[rows]))
        optimizer.step()
    score = accuracy(module, space.load().val)
    trial.report(score, step=1)
    trial.save(module, example_inputs=(x[:2],))
    return score


def _frozen(architecture: Architecture) -> frozenset[tuple[str, Any]]:  # Any: values of the space
    return frozenset(architecture.items())


METHODS: Mapping[str, Method] = {
    "spos-slices": partial(_sampled, sampler=UniformPaths),
    "fair-slices": partial(_sampled, sampler=FairPaths),
    "sandwich-slices": partial(_sampled, sampler=Sandwich, distill=True),
    "heirs": _evolution,
    "fresh": partial(_evolution, wrap=Fresh),
    "spos-copies": partial(_sampled, sampler=UniformPaths, copies=True),
    "fair-copies": partial(_sampled, sampler=FairPaths, copies=True),
    **{name: partial(_mixture, remedy=remedy) for name, remedy in MIXTURES.items()},
}
"""What is measured on each space."""


ABOUT: Mapping[str, str] = {
    "spos-slices": "one uniform architecture a step; sub-networks use parts of the same tensors.",
    "fair-slices": "as many architectures a step as a choice has candidates, each of which runs once.",
    "sandwich-slices": "the largest, the smallest and two random ones, which learn from the largest.",
    "spos-copies": "one uniform architecture a step; each candidate of a block has weights of its own.",
    "fair-copies": "nine architectures a step, so that each candidate of a block runs once.",
    "heirs": "regularized evolution, children of one epoch that inherit; scores are those of the trials.",
    "fresh": "the same, every child from nothing.",
    **{name: remedy.about for name, remedy in MIXTURES.items()},
}
