"""A trial that does nothing, in a module that imports torch, as real ones do."""

from __future__ import annotations

import torch  # noqa: F401  # what a fresh process would have to import
from trial_overhead_marks import value

import heredity as hd

__all__ = ["train", "value"]


def train(trial: hd.Trial) -> float:
    return value(trial.parameters["x"])
