"""Small trained networks to be made smaller, and what they are measured on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from heredity.graph import Graph
from heredity.transfer import trace

torch.set_num_threads(1)


class Digits:
    """8 x 8 digits, in a fixed order: some to learn from, some to test on."""

    def __init__(self) -> None:
        data = load_digits()
        order = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(0))
        self.x = torch.tensor(data.images, dtype=torch.float32)[order, None] / 16
        self.y = torch.tensor(data.target)[order]
        self.probe, self.held_out = self.x[:256], self.x[1200:]

    def accuracy(self, module: nn.Module) -> float:
        module.eval()
        with torch.no_grad():
            return float((module(self.held_out).argmax(1) == self.y[1200:]).double().mean())

    def teach(self, module: nn.Module, *, steps: int) -> None:
        generator = torch.Generator().manual_seed(0)
        optimizer = torch.optim.AdamW(module.parameters(), lr=2e-3)
        module.train()
        for _ in range(steps):
            rows = torch.randint(1200, (64,), generator=generator)
            optimizer.zero_grad()
            torch.autograd.backward(functional.cross_entropy(module(self.x[rows]), self.y[rows]))
            optimizer.step()
        module.eval()


class Attention(nn.Module):
    """Rows of a digit as tokens; one pre-norm block of attention and one of two layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // 8
        self.embed, self.places = nn.Linear(8, width), nn.Parameter(torch.randn(8, width) * 0.1)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.head = nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x.squeeze(1)) + self.places
        parts = self.qkv(self.norms[0](x)).chunk(3, -1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        x = x + self.out(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        x = x + self.down(functional.gelu(self.up(self.norms[1](x))))
        result: torch.Tensor = self.head(self.norms[2](x).mean(1))
        return result


def mlp(width: int) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, width),
        nn.GELU(),
        nn.Linear(width, width),
        nn.GELU(),
        nn.Linear(width, 10),
    )


def cnn(width: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1, bias=False), nn.BatchNorm2d(2 * width), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2 * width, 10),
    )  # fmt: skip


@dataclass(frozen=True)
class Parent:
    """A trained parent, and how its children are built."""

    build: Callable[[int], nn.Module]
    width: int
    module: nn.Module
    graph: Graph

    @property
    def tensors(self) -> dict[str, torch.Tensor]:
        return self.module.state_dict()

    def child(self, width: int) -> tuple[nn.Module, Graph]:
        torch.manual_seed(1)
        child = self.build(width).eval()
        return child, trace(child, (torch.zeros(4, 1, 8, 8),))


@cache
def digits_once() -> Digits:
    return Digits()


@cache
def trained(build: Callable[[int], nn.Module], width: int, steps: int) -> Parent:
    torch.manual_seed(0)
    module = build(width)
    digits_once().teach(module, steps=steps)
    return Parent(build, width, module, trace(module, (torch.zeros(4, 1, 8, 8),)))


@pytest.fixture
def digits() -> Digits:
    return digits_once()


@pytest.fixture(params=["mlp", "cnn", "attention"])
def father(request: pytest.FixtureRequest) -> Parent:
    """A parent that has learned a little: an MLP, a CNN with batch normalization, a transformer."""
    built = {"mlp": (mlp, 32, 150), "cnn": (cnn, 12, 150), "attention": (Attention, 32, 250)}
    return trained(*built[request.param])


@pytest.fixture
def convolutional() -> Parent:
    return trained(cnn, 12, 150)
