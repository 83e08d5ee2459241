"""What fitting refuses, and what it says of what it has changed."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from heredity.errors import InputError
from heredity.transfer import TransferPlan, apply, plan_transfer, trace
from heredity.transfer.shrinking import fit, recalibrate


def network(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, 2))


def fitted(*, ridge: float = 1e-3) -> TransferPlan:
    torch.manual_seed(0)
    parent, child, x = network(6), network(4), torch.randn(32, 3)
    graphs = trace(parent, (x,)), trace(child, (x,))
    plan = plan_transfer(*graphs)
    tensors = parent.state_dict()
    apply(plan, tensors, child)
    return fit(
        plan, child, parent=graphs[0], child=graphs[1], parent_tensors=tensors, inputs=(x,), ridge=ridge
    )


def test_a_ridge_below_zero_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        fitted(ridge=-1.0)
    assert str(caught.value) == "fit: expected a ridge of at least 0, got -1.0."


def test_statistics_are_taken_of_something() -> None:
    with pytest.raises(InputError) as caught:
        recalibrate(network(4), [])
    assert str(caught.value) == "recalibrate: there is not one batch. Give an iterable of inputs."


def test_a_plan_says_what_was_fitted_and_on_how_much() -> None:
    reasons = {name: each.reason for name, each in fitted().certificate.tensors.items()}
    assert reasons["1.running_mean"].startswith("taken anew on 32 rows; ")
    assert re.match(
        r"fitted to the parent's on 32 rows, ridge 0\.001: [\d.]+% off there, [\d.]+% before; ",
        reasons["3.weight"],
    )
