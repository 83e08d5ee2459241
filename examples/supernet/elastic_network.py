"""A small convolutional network whose width, kernels, depth and activation are left open."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from heredity.oneshot import (
    Choice,
    Elastic,
    ElasticBatchNorm2d,
    ElasticConv2d,
    ElasticLinear,
    Repeat,
)

WIDTH = Elastic((8, 16, 24), label="width")


def build() -> nn.Module:
    """The supernet: images of digits in, ten logits out."""
    return nn.Sequential(
        *layer(1, "stem"),
        nn.MaxPool2d(2),
        Repeat(lambda number: Block(f"block{number}"), low=1, high=3, label="depth"),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        ElasticLinear(WIDTH * 4, 10),
    )


def layer(num_in: int | Elastic, label: str) -> list[nn.Module]:
    activation = Choice({"relu": nn.ReLU(), "silu": nn.SiLU()}, label="activation")
    kernel = Elastic((3, 5), label=f"{label}/kernel")
    return [ElasticConv2d(num_in, WIDTH, kernel, bias=False), ElasticBatchNorm2d(WIDTH), activation]


class Block(nn.Module):
    """A layer, added to what it reads."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self.layer = nn.Sequential(*layer(WIDTH, label))

    def forward(self, value: Tensor) -> Tensor:
        result: Tensor = value + self.layer(value)
        return result


@cache
def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images and labels to train with, then to validate with."""
    data = load_digits()
    x = torch.from_numpy(data.images.astype(np.float32))[:, None] / 8.0 - 1.0
    y = torch.from_numpy(data.target.astype(np.int64))
    return x[:1200], y[:1200], x[1200:], y[1200:]


def batch(step: int) -> tuple[Tensor, Tensor]:
    """The batch of a step, which hangs on its number alone, so that a training can be resumed."""
    x, y, *_ = digits()
    rows = torch.randint(len(x), (64,), generator=torch.Generator().manual_seed(step))
    return x[rows], y[rows]


@torch.no_grad()
def accuracy(network: nn.Module) -> float:
    *_, x, y = digits()
    network.eval()
    return float((network(x).argmax(dim=1) == y).float().mean())
