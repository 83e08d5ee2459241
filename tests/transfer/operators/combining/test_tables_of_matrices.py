"""Matrices that are looked up, as experts are: they make up for the factors of what they read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from heredity.testing.architectures.layers import RMSNorm
from heredity.transfer import Certificate


class Experts(nn.Module):
    """A residual stream whose rows each go through the expert of their own."""

    def __init__(self, width: int, *, inner: int = 4) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, width), nn.Linear(width, 2)
        self.norm, self.end = RMSNorm(width), RMSNorm(width)
        self.up, self.down = (
            nn.Parameter(torch.randn(3, *shape)) for shape in ((inner, width), (width, inner))
        )

    def forward(self, x: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
        h = self.first(x)
        inner = torch.bmm(self.up[which], self.norm(h).unsqueeze(-1)).squeeze(-1)
        made = torch.bmm(self.down[which], nn.functional.silu(inner).unsqueeze(-1)).squeeze(-1)
        result: torch.Tensor = self.last(self.end(h + made))
        return result


@pytest.mark.parametrize(
    ("width", "inner", "growth"),
    [(6, 4, "fresh"), (4, 6, "fresh"), (9, 8, "fresh"), (6, 6, "copy"), (8, 4, "copy")],
)
def test_growth_is_exact(width: int, inner: int, growth: str, grow: Callable[..., Certificate]) -> None:
    rows, which = torch.randn(5, 3), torch.tensor([0, 2, 1, 0, 2])
    certificate = grow(Experts(4), Experts(width, inner=inner), rows, which, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason
