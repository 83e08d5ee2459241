"""Rows sorted by expert: all experts are solved as one tensor, and routing has to stay as it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import transformers.integrations.moe  # noqa: F401  # registers the operator
from torch import nn

from heredity.transfer import Certificate

ROWS = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))


class Sorted(nn.Module):
    """The best expert of two or more for each row, as Mixtral does it."""

    def __init__(self, width: int, inner: int, *, experts: int = 2, num_blocks: int = 1) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, width), nn.Linear(width, 2)
        self.routers = nn.ModuleList(nn.Linear(width, experts, bias=False) for _ in range(num_blocks))
        self.experts = experts
        shapes = (experts, width, inner), (experts, inner, width)
        self.up, self.down = (
            nn.ParameterList(torch.randn(shape) for _ in range(num_blocks)) for shape in shapes
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        for number, router in enumerate(self.routers):
            shares, experts = router(x).softmax(-1).max(-1)
            order = experts.argsort()
            ends = torch.nn.functional.one_hot(experts, self.experts).sum(0).cumsum(0)
            ends = ends.to(torch.int32)
            inner = torch.ops.transformers.grouped_mm_fallback(x[order], self.up[number], ends).relu()
            made = torch.ops.transformers.grouped_mm_fallback(inner, self.down[number], ends)
            x = x + (made * shares[order].unsqueeze(-1))[order.argsort()]
        result: torch.Tensor = self.last(x)
        return result


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize(("width", "inner", "num_blocks"), [(4, 5, 1), (6, 3, 1), (8, 6, 1), (4, 3, 2)])
def test_sorted_experts_grow(
    width: int, inner: int, num_blocks: int, growth: str, grow: Callable[..., Certificate]
) -> None:
    certificate = grow(Sorted(4, 3), Sorted(width, inner, num_blocks=num_blocks), ROWS, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


def test_more_experts_would_take_rows_from_others(grow: Callable[..., Certificate]) -> None:
    assert "an axis that is worked along differs" in grow(Sorted(4, 3), Sorted(4, 3, experts=4), ROWS).reason
