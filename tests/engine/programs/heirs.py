"""Trial functions that inherit torch weights."""

from __future__ import annotations

import json
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
    other = None
    if "from" in parameters:
        other = hd.inherit(module, trial.store[parameters["from"]], example_inputs=X)
    if parameters.get("saves", True):
        trial.save(
            build(parameters["saved_width"]) if "saved_width" in parameters else module,
            example_inputs=X if parameters.get("graph", True) else None,
            inherited=other,
            metadata=parameters.get("metadata"),
        )
    return -1.0 if inheritance is None else inheritance.coverage


def told(trial: hd.Trial) -> None:
    """Inherit by other means than the trial's, and say so."""
    parameters: Any = trial.parameters
    module = build(parameters["width"])
    if "from" in parameters:
        trial.inherited(hd.inherit(module, trial.store[parameters["from"]], example_inputs=X))
    trial.save(module, example_inputs=X)


def bad_report(trial: hd.Trial) -> None:
    value: Any = {"nan": float("nan"), "text": "0.9", "none": None, "many": torch.zeros(3)}
    trial.report(value[trial.parameters["value"]], step=trial.parameters.get("step"))


def tensor_report(trial: hd.Trial) -> None:
    trial.report(torch.tensor(0.5), step=3)  # type: ignore[arg-type]  # as users do
    trial.report(0.75)


def begin(trial: hd.Trial) -> float:
    """Train from wherever the trial begins up to its last step; say where that was, and with what."""
    parameters: Any = trial.parameters
    module = build(parameters["width"])
    kind = getattr(torch.optim, parameters.get("optimizer", "SGD"))
    optimizer = kind(module.parameters(), lr=0.1, **({"momentum": 0.9} if kind is torch.optim.SGD else {}))
    first = trial.begin(module, optimizer=optimizer, example_inputs=X)
    facts = {
        "first": first,
        "sum": sum(float(p.detach().double().sum()) for p in module.parameters()),
        "momenta": len(optimizer.state),
    }
    (trial.directory / f"{trial.id}@{trial.attempt}.json").write_text(json.dumps(facts))
    for step in range(first + 1, (trial.max_steps or 0) + 1):
        optimizer.zero_grad()
        module(X + step).square().mean().backward()
        optimizer.step()
        trial.report(float(step), step=step)
        if parameters.get("saves", True):
            trial.save(module, optimizer=optimizer, example_inputs=X, tag=str(step))
        if trial.attempt == 1 and step == parameters.get("lost_at"):
            raise hd.errors.StoreUnavailable("the machine is gone")
    return 1.0
