"""The one way in which every arm trains: a trial function with a recipe of a few settings."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from gain_tasks import Task
from torch import Tensor, nn
from uses_training import score as score_of

import heredity as hd
from heredity.inheritance import fit_to_parent

FINAL_CYCLE = "final"


@dataclass(frozen=True)
class Recipe:
    """What the arms may differ in besides their strategy.

    Attributes:
        anneal_children: The learning rate falls to nothing within each trial, by half a cosine; else only in
            the last, long training of a finalist.
        heir_rate: The learning rate of a trial with a parent, as a share of that from nothing.
        fit: A child that is not exact is fitted to its parent on this many rows; 0 for not.
    """

    anneal_children: bool = True
    heir_rate: float = 1.0
    fit: int = 256


def make_train(task: Task, recipe: Recipe) -> Callable[[hd.Trial], dict[str, float]]:
    """A trial function that reports once an epoch and ends with the scores on both other splits."""

    def train(trial: hd.Trial) -> dict[str, float]:
        data = task.load()
        module = task.build(trial.parameters)
        first, is_heir = _begin(trial, module, data.train[0], recipe=recipe)
        rate = task.rate * (recipe.heir_rate if is_heir else 1.0)
        optimizer = task.optimizer(module, rate)
        last = trial.max_steps or task.short
        is_annealed = recipe.anneal_children or trial.info.get("stage") == FINAL_CYCLE
        score = score_of(task, module, data.val)
        for epoch in range(first, last):
            for share, rows in _batches(len(data.train[0]), task.batch):
                for group in optimizer.param_groups:
                    done = (epoch - first + share) / (last - first)
                    group["lr"] = rate * (0.5 + 0.5 * math.cos(math.pi * done)) if is_annealed else rate
                optimizer.zero_grad(set_to_none=True)
                loss = task.loss(module(data.train[0][rows]), data.train[1][rows])
                torch.autograd.backward(loss)
                nn.utils.clip_grad_norm_(module.parameters(), 5.0)
                optimizer.step()
            score = score_of(task, module, data.val)
            trial.report(score, step=epoch + 1)
        trial.save(module, example_inputs=(data.train[0][:2],))
        began = time.process_time()
        told = score_of(task, module, data.test)
        return {
            "score": score,
            "test": told,
            # Nobody who searches reads the test split, so nobody is charged for it.
            "test_seconds": time.process_time() - began,
            "num_weights": float(sum(weight.numel() for weight in module.parameters())),
        }

    return train


def _begin(trial: hd.Trial, module: nn.Module, x: Tensor, *, recipe: Recipe) -> tuple[int, bool]:
    """How many epochs lie behind, and whether another architecture's weights came over."""
    first = trial.resume(module)
    if first:
        return first, False
    inheritance = trial.inherit(module)
    if inheritance is not None and not inheritance.is_exact and recipe.fit:
        fit_to_parent(inheritance, (x[: recipe.fit],))
    return 0, inheritance is not None


def _batches(num_rows: int, size: int) -> Iterator[tuple[float, Tensor]]:
    order = torch.randperm(num_rows)
    for start in range(0, num_rows - size + 1, size):
        yield start / num_rows, order[start : start + size]
