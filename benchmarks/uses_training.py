"""One epoch, one score and one trial, for all benchmarks of uses."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from gain_tasks import Task
from torch import Tensor, nn

import heredity as hd
from heredity.inheritance import fit_to_parent

FINAL = "final"
"""The stage of a trial, in its info, in which the learning rate falls to nothing."""
FIT_ROWS = 256
HEIR_RATE = 0.4
"""Of the learning rate from nothing: what first measurements advise for heirs."""


def train_epochs(
    task: Task,
    module: nn.Module,
    *,
    epochs: int,
    rate: float,
    part: tuple[float, float] | None,
    optimizer: torch.optim.Optimizer | None = None,
) -> torch.optim.Optimizer:
    """Train for some epochs, and return the optimizer.

    Args:
        task: What is trained.
        module: The network.
        epochs: How many.
        rate: The learning rate.
        part: From where to where of half a cosine the rate goes, from all of it at 0 to nothing at 1; None
            for a constant one.
        optimizer: What to go on with.
    """
    x, y = task.load().train
    used = task.optimizer(module, rate) if optimizer is None else optimizer
    num_steps = len(x) // task.batch
    module.train()
    for epoch in range(epochs):
        order = torch.randperm(len(x))
        for step in range(num_steps):
            done = (epoch + step / num_steps) / epochs
            for group in used.param_groups:
                group["lr"] = rate * (1.0 if part is None else _falling(part, done))
            rows = order[step * task.batch : (step + 1) * task.batch]
            used.zero_grad(set_to_none=True)
            torch.autograd.backward(task.loss(module(x[rows]), y[rows]))
            nn.utils.clip_grad_norm_(module.parameters(), 5.0)
            used.step()
    return used


def _falling(part: tuple[float, float], done: float) -> float:
    return 0.5 + 0.5 * math.cos(math.pi * (part[0] + (part[1] - part[0]) * done))


@torch.no_grad()
def score(task: Task, module: nn.Module, split: tuple[Tensor, Tensor]) -> float:
    """The task's score in eval mode; something very bad if it is no number."""
    module.eval()
    logits = torch.cat([module(rows) for rows in torch.split(split[0], 1000)])
    module.train()
    found = task.score(logits, split[1])
    return found if math.isfinite(found) else -100.0


def make_trial(
    task: Task, *, anneal: bool, tested: Callable[[hd.Trial], bool], most: int | None = None
) -> Callable[[hd.Trial], dict[str, float]]:
    """A trial function that goes on, or inherits, or begins from nothing, and is scored at its end.

    Args:
        task: What is trained.
        anneal: Whether the learning rate falls within each trial; else in final ones only.
        tested: Which trials are scored on the test split; it takes longer than an epoch.
        most: How many epochs a trial that is not final takes at most, even if it begins again from nothing.
    """

    def train(trial: hd.Trial) -> dict[str, float]:
        data = task.load()
        module = task.build(trial.parameters)
        first = trial.resume(module) if _goes_on(trial) else _inherited(trial, module, data.train[0])
        rate = float(trial.parameters.get("rate", task.rate))
        is_final = trial.info.get("stage") == FINAL
        last = trial.max_steps or 0
        part = (0.0, 1.0) if anneal or is_final else None
        epochs = last - first if most is None or is_final else min(last - first, most)
        train_epochs(task, module, epochs=epochs, rate=rate, part=part)
        found = score(task, module, data.val)
        trial.report(found, step=last)
        trial.save(module, example_inputs=(data.train[0][:2],))
        began = time.process_time()
        told = score(task, module, data.test) if tested(trial) else 0.0
        seconds = time.process_time() - began
        return {"score": found, "test": told, "test_seconds": seconds, "epochs": float(epochs)}

    return train


def _goes_on(trial: hd.Trial) -> bool:
    """Whether the trial is its parent, trained further: then the network is the same."""
    if not trial.order.continues or trial.parent is None:
        return False
    mine = {name: value for name, value in trial.parameters.items() if name != "rate"}
    theirs = trial.parent.metadata["parameters"]
    assert isinstance(theirs, dict)  # written by `Trial.save`
    return mine == {name: value for name, value in theirs.items() if name != "rate"}


def _inherited(trial: hd.Trial, module: nn.Module, x: Tensor) -> int:
    """Take over a parent of another architecture, made up for what it lost; how many steps lie behind."""
    inheritance = trial.inherit(module)
    if inheritance is None:
        return 0
    if not inheritance.is_exact:
        fit_to_parent(inheritance, (x[:FIT_ROWS],))
    if not trial.order.continues or trial.parent is None:
        return 0
    steps = trial.parent.metadata["steps"]
    assert isinstance(steps, int)  # written by `Trial.save`
    return steps
