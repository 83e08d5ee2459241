"""Whether a network does the same in train mode: dropout of any kind aside, and only if it is so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from heredity.graph import graph_from_json
from heredity.transfer import trace

X = torch.randn(2, 4)


class Trains(nn.Module):
    """A layer whose result a function changes in train mode."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.layer(x)
        return torch.add(x, self.function(h) if self.training else h)


def dropout(h: torch.Tensor) -> torch.Tensor:
    return nn.functional.dropout(h, 0.3)


def drop_path(h: torch.Tensor) -> torch.Tensor:
    """As Hugging Face does it."""
    return torch.mul(torch.div(h, 0.8), torch.floor(0.8 + torch.rand(h.shape[0], 1)))


def drop_path_of_timm(h: torch.Tensor) -> torch.Tensor:
    mask = h.new_empty((h.shape[0], 1)).bernoulli_(0.8)
    return torch.mul(h, mask.div_(0.8))


def noise_that_is_added(h: torch.Tensor) -> torch.Tensor:
    return torch.add(h, torch.randn(4))


def another_factor(h: torch.Tensor) -> torch.Tensor:
    return torch.mul(h, 0.5)


def a_failure(_: torch.Tensor) -> torch.Tensor:
    raise ValueError("only for eval mode")


@pytest.mark.parametrize("function", [dropout, drop_path, drop_path_of_timm])
def test_what_drops_by_chance_is_left_aside(function: Callable[[torch.Tensor], torch.Tensor]) -> None:
    assert trace(Trains(function), (X,)).is_alike_in_training


@pytest.mark.parametrize("function", [noise_that_is_added, another_factor, a_failure])
def test_whatever_else_differs_is_not_alike(function: Callable[[torch.Tensor], torch.Tensor]) -> None:
    assert not trace(Trains(function), (X,)).is_alike_in_training


def test_a_division_that_others_read_too_is_no_part_of_a_dropout() -> None:
    def function(h: torch.Tensor) -> torch.Tensor:
        scaled = torch.div(h, 0.8)
        return torch.add(torch.mul(scaled, torch.floor(0.8 + torch.rand(2, 1))), scaled)

    assert not trace(Trains(function), (X,)).is_alike_in_training


def test_a_frozen_batch_normalization_is_not_alike_in_training() -> None:
    class Frozen(nn.BatchNorm1d):
        def train(self, mode: bool = True) -> Frozen:  # torch's signature
            return super().train(mode=mode and False)

    assert not trace(nn.Sequential(nn.Linear(4, 4), Frozen(4)), (X,)).is_alike_in_training


def test_instance_normalization_is_alike_in_training() -> None:
    assert trace(nn.InstanceNorm1d(4), (torch.randn(2, 4, 5),)).is_alike_in_training


def test_a_power_iteration_in_train_mode_is_not_alike() -> None:
    module = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4))
    assert not trace(module, (X,)).is_alike_in_training


def test_the_rates_of_dropouts_are_those_of_train_mode() -> None:
    class Attends(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            rate = 0.2 if self.training else 0.0
            return nn.functional.scaled_dot_product_attention(x, x, x, dropout_p=rate)

    module = nn.Sequential(nn.Dropout(0.3), nn.Dropout(0.0), Attends(), nn.Dropout(0.3))
    graph = trace(module, (torch.randn(2, 3, 4),))
    assert graph.dropout_rates == (0.2, 0.3)
    assert graph_from_json(graph.to_json()).dropout_rates == (0.2, 0.3)


@pytest.mark.parametrize("function", [drop_path, drop_path_of_timm])
def test_of_branches_that_are_dropped_the_largest_rate_is_told(
    function: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    assert trace(Trains(function), (X,)).dropout_rates == (0.2,)
