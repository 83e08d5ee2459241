"""What is made smaller: two families of networks on 8 x 8 digits, how they learn and how they are tested."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

NUM_LEARNED = 1200
"""Of 1797 digits; the rest are for testing."""

NUM_PROBE = 256
"""Digits, without labels, on which statistics are taken and layers fitted; among those that are learned."""


class Digits(NamedTuple):
    """Images in a fixed order, and what they show."""

    x: Tensor
    y: Tensor

    @classmethod
    def load(cls) -> Digits:
        data = load_digits()
        order = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(0))
        x = torch.tensor(data.images, dtype=torch.float32)[:, None] / 16
        return cls(x[order], torch.tensor(data.target)[order])

    @property
    def probe(self) -> Tensor:
        return self.x[:NUM_PROBE]

    def accuracy(self, module: nn.Module) -> float:
        module.eval()
        with torch.no_grad():
            hits = module(self.x[NUM_LEARNED:]).argmax(1) == self.y[NUM_LEARNED:]
        return float(hits.double().mean())

    def teach(self, module: nn.Module, *, seed: int, stops: Sequence[int]) -> list[float]:
        """Train by AdamW, learning rate 0.002, 64 digits a step; the accuracy at each stop."""
        generator = torch.Generator().manual_seed(seed)
        optimizer = torch.optim.AdamW(module.parameters(), lr=2e-3)
        found = []
        for step in range(stops[-1]):
            module.train()
            rows = torch.randint(NUM_LEARNED, (64,), generator=generator)
            optimizer.zero_grad()
            torch.autograd.backward(functional.cross_entropy(module(self.x[rows]), self.y[rows]))
            optimizer.step()
            if step + 1 in stops:
                found.append(self.accuracy(module))
        return found


class Residual(nn.Module):
    """Two convolutions with batch normalization beside a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.branch(x))


class Convolutional(nn.Module):
    """A residual network of one stage."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        stem = nn.Conv2d(1, width, 3, padding=1, bias=False)
        self.stem = nn.Sequential(stem, nn.BatchNorm2d(width), nn.ReLU())
        self.blocks = nn.Sequential(*(Residual(width) for _ in range(depth)))
        self.pool, self.head = nn.AdaptiveAvgPool2d(2), nn.Linear(4 * width, 10)

    def before_blocks(self, x: Tensor) -> Tensor:
        result: Tensor = self.stem(x)
        return result

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(self.pool(self.blocks(self.before_blocks(x))).flatten(1))
        return result


class PreNorm(nn.Module):
    """Attention, then two layers, each behind a layer normalization and beside a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.num_heads = width // 8
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.qkv(self.norms[0](x)).chunk(3, -1)
        q, k, v = (part.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for part in parts)
        x = x + self.out(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        result: Tensor = x + self.down(functional.gelu(self.up(self.norms[1](x))))
        return result


class Transformer(nn.Module):
    """Reads a digit's eight rows as tokens."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.embed, self.places = nn.Linear(8, width), nn.Parameter(0.1 * torch.randn(8, width))
        self.blocks = nn.Sequential(*(PreNorm(width) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def before_blocks(self, x: Tensor) -> Tensor:
        result: Tensor = self.embed(x.squeeze(1)) + self.places
        return result

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(self.norm(self.blocks(self.before_blocks(x))).mean(1))
        return result


Network = Convolutional | Transformer


@dataclass(frozen=True)
class Family:
    """Networks of one kind.

    Attributes:
        name: Its name.
        build: A member, by width and depth.
        parent_steps: How long parents learn.
    """

    name: str
    build: Callable[[int, int], Network]
    parent_steps: int

    def parent(self, digits: Digits, *, width: int, depth: int, seed: int) -> Network:
        """A trained network."""
        torch.manual_seed(seed)
        parent = self.build(width, depth)
        digits.teach(parent, seed=seed, stops=[self.parent_steps])
        return parent


FAMILIES = (
    Family("residual network with batch normalization", Convolutional, 400),
    Family("pre-norm transformer", Transformer, 600),
)


def shares_of_branches(network: Network, probe: Tensor) -> list[float]:
    """How large what each block adds is, as a share of what it is added to."""
    found = []
    with torch.no_grad():
        x = network.before_blocks(probe)
        for block in network.blocks:
            y = block(x)
            found.append(float((y - x).norm() / x.norm()))
            x = y
    return found


def with_blocks(network: Network, kept: Sequence[int]) -> Network:
    """A copy with some of the blocks."""
    smaller = copy.deepcopy(network)
    smaller.blocks = nn.Sequential(*(smaller.blocks[i] for i in kept))
    return smaller
