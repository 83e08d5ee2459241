"""Products that are summed over right away, as a state space's scan does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from heredity.testing.architectures import KINDS
from heredity.transfer import Certificate

STEPS = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
SIZES = {"width": 4, "inner": 4, "state": 2, "rank": 1, "depth": 1}


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize(
    "larger", [{"inner": 6}, {"state": 3}, {"state": 4}, {"rank": 2}, {"width": 6, "state": 4, "depth": 2}]
)
def test_a_state_space_grows(larger: dict[str, int], growth: str, grow: Callable[..., Certificate]) -> None:
    """New states are written to, and are read by zeros."""
    father, child = (KINDS["state_space"].build(**{**SIZES, **sizes}) for sizes in ({}, larger))
    certificate = grow(father, child, STEPS, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


class _Scores(nn.Module):
    def __init__(self, width: int, *, is_square: bool) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, width), nn.Linear(3, width)
        self.is_square = is_square

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.first(x)
        other = first if self.is_square else self.second(x)
        result: torch.Tensor = (first * other).sum(-1)
        return result


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize("is_square", [False, True])
def test_an_inner_product_takes_more_entries(
    is_square: bool, growth: str, grow: Callable[..., Certificate]
) -> None:
    father, child = (_Scores(width, is_square=is_square) for width in (4, 7))
    certificate = grow(father, child, STEPS, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


def test_fewer_entries_are_refused(grow: Callable[..., Certificate]) -> None:
    father, child = (_Scores(width, is_square=False) for width in (7, 4))
    assert not grow(father, child, STEPS).is_exact
