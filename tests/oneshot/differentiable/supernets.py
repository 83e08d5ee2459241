"""Small supernets to search in."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from heredity.oneshot import Cell
from heredity.oneshot.differentiable import DifferentiableSearch, SearchSettings
from heredity.oneshot.differentiable.search import Batch


class Zero(nn.Module):
    """DARTS's `none`."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 0.0


def convolution(num_channels: int) -> nn.Module:
    return nn.Sequential(
        nn.Tanh(),
        nn.Conv2d(num_channels, num_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(num_channels, affine=False),
    )


class SmallSupernet(nn.Module):
    """A stem, two cells that decide alike, a classifier; smooth, so that it can be differentiated twice."""

    def __init__(
        self, num_channels: int = 4, *, num_nodes: int = 2, partial: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        num_inside = num_channels // partial

        def cell() -> Cell:
            return Cell(
                {
                    "none": lambda _: Zero(),
                    "skip_connect": lambda _: nn.Identity(),
                    "convolution": lambda _: convolution(num_inside),
                },
                num_nodes=num_nodes,
                label="cell",
                merge="last",
                mixed_only={"none"},
            )

        self.stem = nn.Conv2d(1, num_channels, 3, padding=1)
        self.cells = nn.ModuleList([cell(), cell()])
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(num_channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        before = now = self.stem(x)
        for cell in self.cells:
            before, now = now, cell(before, now)
        logits: Tensor = self.classify(self.dropout(now.mean(dim=(2, 3))))
        return logits


def batch(seed: int, *, dtype: torch.dtype = torch.float64, num_rows: int = 6) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(num_rows, 1, 5, 5, generator=generator, dtype=dtype)
    return x, torch.randint(3, (num_rows,), generator=generator)


def small_search(
    *,
    settings: SearchSettings,
    seed: int = 0,
    supernet: nn.Module | None = None,
    dtype: torch.dtype = torch.float64,
) -> DifferentiableSearch:
    """A search over a supernet whose weights depend on nothing but the seed."""
    if supernet is None:
        with torch.random.fork_rng():
            torch.manual_seed(7)
            supernet = SmallSupernet()
    return DifferentiableSearch(
        supernet.to(dtype), settings=settings, criterion=nn.functional.cross_entropy, seed=seed
    )
