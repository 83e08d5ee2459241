"""Grows a network around one operator, and checks whatever is claimed of it."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from heredity.transfer import Certificate, apply, measure_difference, plan_transfer, trace

torch.set_num_threads(1)

Grow = Callable[..., Certificate]


class Around(nn.Module):
    """A linear layer that grows, a function, and a linear layer that reads what comes out."""

    def __init__(self, function: Callable[..., torch.Tensor], *, width: int, num_read: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, width), nn.Linear(num_read, 2)
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.last(self.function(self.first(x)))
        return result


def _grow(father: nn.Module, child: nn.Module, *inputs: torch.Tensor, growth: str = "fresh") -> Certificate:
    """Plan and apply; a claim that is not true fails here. Returns the certificate."""
    graphs = trace(father, inputs), trace(child, inputs)
    plan = plan_transfer(*graphs, growth=growth)  # type: ignore[arg-type]  # a test's parameter
    father, grown = copy.deepcopy(father).double(), copy.deepcopy(child).double()
    apply(plan, father.state_dict(), grown)
    found = measure_difference(father, grown, inputs, dtype=torch.float64)
    if plan.certificate.is_exact:
        assert found.in_eval_relative < 1e-12, plan.certificate
    if plan.certificate.is_exact_in_training:
        assert found.in_training_relative < 1e-12, plan.certificate
    return plan.certificate


@pytest.fixture
def grow() -> Grow:
    """Plan, apply and check what is claimed: ``grow(father, child, *inputs, growth=...)``."""
    torch.manual_seed(0)
    return _grow


@pytest.fixture
def grow_around() -> Callable[..., Certificate]:
    """The same for networks around one function: ``grow_around(function, widths=(4, 6), growth=...)``."""

    def grow(
        function: Callable[..., torch.Tensor],
        *,
        in_child: Callable[..., torch.Tensor] | None = None,
        widths: tuple[int, int] = (4, 6),
        growth: str = "fresh",
    ) -> Certificate:
        torch.manual_seed(0)
        x = torch.randn(5, 3, dtype=torch.float64)
        father, child = (
            Around(each, width=width, num_read=each(torch.randn(5, width)).shape[-1]).double()
            for each, width in zip((function, in_child or function), widths, strict=True)
        )
        return _grow(father, child, x, growth=growth)

    return grow
