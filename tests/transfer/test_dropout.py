"""Dropout is left aside in train mode, but not how much of it there is."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from heredity.transfer import TransferPlan, plan_transfer, trace


def plan(parent_rate: float, child_rate: float, width: int = 8) -> TransferPlan:
    def network(rate: float, width: int) -> nn.Module:
        return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Dropout(rate), nn.Linear(width, 2))

    x = (torch.zeros(3, 4),)
    return plan_transfer(trace(network(parent_rate, 8), x), trace(network(child_rate, width), x))


@pytest.mark.parametrize("width", [8, 12])
def test_the_same_rate_is_exact_in_both_modes(width: int) -> None:
    certificate = plan(0.3, 0.3, width).certificate
    assert certificate.is_exact
    assert certificate.is_exact_in_training


@pytest.mark.parametrize(("theirs", "ours"), [(0.0, 0.9), (0.5, 0.1)])
def test_other_rates_are_exact_in_eval_mode_only_and_named(theirs: float, ours: float) -> None:
    certificate = plan(theirs, ours).certificate
    assert certificate.is_exact
    assert not certificate.is_exact_in_training
    assert f"dropout rates are {ours:g}, in the parent {theirs:g}" in certificate.training_reason.replace(
        "none", "0"
    )


@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_the_rate_of_attention_counts_too(rate: float) -> None:
    def network(rate: float) -> nn.Module:
        return nn.TransformerEncoderLayer(8, 2, 16, dropout=rate, batch_first=True, norm_first=True)

    x = (torch.zeros(3, 4, 8),)
    certificate = plan_transfer(trace(network(0.2), x), trace(network(rate), x)).certificate
    assert certificate.is_exact
    assert "dropout rates are" in certificate.training_reason
