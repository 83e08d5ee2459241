"""Small supernets of every kind, for the tests of one-shot search."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from heredity.oneshot import (
    Cell,
    Choice,
    Elastic,
    ElasticBatchNorm1d,
    ElasticBatchNorm2d,
    ElasticConv1d,
    ElasticConv2d,
    ElasticLayerNorm,
    ElasticLinear,
    InputChoice,
    Repeat,
)


class Inputs(nn.Module):
    """Some of three values, added."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3, padding=1)
        self.inputs = InputChoice(3, 2, label="inputs")

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.inputs([value, self.first(value), self.second(value)])
        return result


class TwoInputs(nn.Module):
    """A cell that reads one value twice."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.cell(value, value)
        return result


def cell(label: str = "cell") -> nn.Module:
    candidates: dict[str, Callable[[object], nn.Module]] = {
        "conv": lambda _: nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)),
        "drop": lambda _: nn.Dropout(0.5),
        "none": lambda _: nn.Threshold(1e9, 0.0),
    }
    made = Cell(candidates, num_nodes=2, label=label, mixed_only=("none",))
    return nn.Sequential(TwoInputs(made), nn.Conv2d(8, 4, 1))


def choice(label: str = "op") -> nn.Module:
    return Choice({"conv": nn.Conv2d(4, 4, 3, padding=1), "same": nn.Identity()}, label=label)


def repeat() -> nn.Module:
    return Repeat(
        lambda _: nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)), low=1, high=3, label="depth"
    )


def nested() -> nn.Module:
    """A choice of rows of choices, and an operator that a shared label decides twice."""
    row = Repeat(lambda number: nn.Sequential(choice(f"op{number}"), nn.ReLU()), low=0, high=2, label="depth")
    return nn.Sequential(
        Choice({"row": row, "cell": cell(), "other": choice("twice")}, label="kind"), choice("twice")
    )


def elastic() -> nn.Module:
    width, narrow = Elastic((2, 4, 6), label="width"), Elastic((3, 4), label="narrow")
    kernel = Elastic((1, 3, 5), label="kernel")
    return nn.Sequential(
        ElasticConv2d(4, width, kernel, bias=False),
        ElasticBatchNorm2d(width),
        nn.ReLU(),
        ElasticConv2d(width, width, kernel, groups=width),
        ElasticConv2d(width, narrow, 1),
        nn.Flatten(),
        ElasticLinear(narrow * 25, width),
        ElasticLayerNorm(width),
        ElasticLinear(width, 3),
    )


def elastic_1d() -> nn.Module:
    width = Elastic((2, 4), label="width")
    return nn.Sequential(
        nn.Flatten(2),
        ElasticConv1d(4, width, 3),
        ElasticBatchNorm1d(width),
        ElasticConv1d(width, 2, Elastic((1, 3), label="kernel"), stride=2),
    )


SUPERNETS: dict[str, Callable[[], nn.Module]] = {
    "choice": choice,
    "inputs": Inputs,
    "repeat": repeat,
    "cell": cell,
    "nested": nested,
    "elastic": elastic,
    "elastic 1d": elastic_1d,
}
"""By name; each takes images of 4 channels and 5 by 5 places."""


def images(num: int = 3) -> torch.Tensor:
    return torch.randn(num, 4, 5, 5)
