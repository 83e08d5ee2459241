"""A trial that does nothing, in a module that imports torch, as real ones do."""

from __future__ import annotations

import torch  # noqa: F401  # what a fresh process would have to import

import heredity as hd


def value(x: float) -> float:
    return (x - 2) ** 2


def train(trial: hd.Trial) -> float:
    return value(trial.parameters["x"])
