"""Trial functions that inherit torch weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

import heredity as hd

X = torch.zeros(2, 3)


def build(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))


def heir(trial: hd.Trial) -> float:
    """Return the share that was inherited, or -1."""
    parameters: Any = trial.parameters
    module = build(parameters["width"])
    inheritance = trial.inherit(module, example_inputs=X)
    if parameters.get("saves", True):
        trial.save(module, example_inputs=X if parameters.get("graph", True) else None)
    return -1.0 if inheritance is None else inheritance.coverage


def bad_report(trial: hd.Trial) -> None:
    value: Any = {"nan": float("nan"), "text": "0.9", "none": None, "many": torch.zeros(3)}
    trial.report(value[trial.parameters["value"]], step=trial.parameters.get("step"))


def tensor_report(trial: hd.Trial) -> None:
    trial.report(torch.tensor(0.5), step=3)  # type: ignore[arg-type]  # as users do
    trial.report(0.75)
