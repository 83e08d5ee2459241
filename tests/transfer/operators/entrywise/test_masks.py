"""Comparisons and masks: what is chosen has to be the same entry, by the same condition."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from heredity.transfer import Certificate

Function = Callable[[torch.Tensor], torch.Tensor]

PASSING: dict[str, Function] = {
    "where": lambda h: torch.where(h > 0.1, h.tanh(), h),
    "where, else zero": lambda h: torch.where(h > 0.1, h, 0.0),
    "where, else a tensor": lambda h: torch.where(h > 0.1, 1.0, h),
    "where, two numbers": lambda h: h * torch.where(h > 0.1, 1.0, 2.0),
    "where, one condition for all": lambda h: torch.where(h.new_ones(()).bool(), h, 2 * h),
    "masked fill": lambda h: h.masked_fill(h < 0, -1.0),
    "masked fill with zero": lambda h: h.masked_fill(h.abs() < 0.2, 0.0),
    "masked fill with a tensor": lambda h: h.masked_fill(h < 0, torch.tensor(0.5)),
    "two comparisons": lambda h: h * ((h > 0) & (h < 1) | ~(h >= 2)),
    "logical": lambda h: h * torch.logical_and(h.ne(0), h <= h.tanh() + 1),
    "a tensor as the limit": lambda h: h * (h > h.tanh()),
    "lerp": lambda h: torch.lerp(h, h.tanh(), 0.3),
    "lerp by a gate": lambda h: torch.lerp(h, h.tanh(), h.sigmoid()),
    "limits": lambda h: h.clamp(-0.1, 0.1) + h.clamp_max(0.3) + h.clamp_min(0.2),
    "rests": lambda h: torch.remainder(h, 0.3) + h // 2 + torch.fmod(h, 0.2) + (1 - h),
    "extremes": lambda h: torch.minimum(h, torch.tensor(0.2)) + torch.maximum(h, h.tanh()),
    "angles": lambda h: torch.atan2(h, h.tanh()),
}


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize("name", PASSING)
def test_growth_through_a_mask_is_exact(
    name: str, growth: str, grow_around: Callable[..., Certificate]
) -> None:
    certificate = grow_around(PASSING[name], growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


@pytest.mark.parametrize(
    ("in_parent", "in_child", "reason"),
    [
        (lambda h: h * (h > 1), lambda h: h * (h > 2), "other is 2, in the parent 1"),
        (lambda h: h.masked_fill(h < 0, 1.0), lambda h: h.masked_fill(h < 0, 2.0), "value is 2.0"),
        (lambda h: torch.where(h > 0, h, 1.0), lambda h: torch.where(h > 0, h, 2.0), "other is 2.0"),
        (lambda h: torch.lerp(h, h.tanh(), 0.1), lambda h: torch.lerp(h, h.tanh(), 0.2), "weight is 0.2"),
        (lambda h: h.clamp(0, 1), lambda h: h.clamp(0, 2), "max is 2, in the parent 1"),
        (lambda h: h // (1 + h.abs()), lambda h: h // (1 + h.abs()), "a division by what may be zero"),
    ],
)
def test_another_mask_is_refused(
    in_parent: Function, in_child: Function, reason: str, grow_around: Callable[..., Certificate]
) -> None:
    assert reason in grow_around(in_parent, in_child=in_child).reason


def test_infinity_is_not_put_where_nobody_knows(grow_around: Callable[..., Certificate]) -> None:
    """New entries that became infinite would be no number behind their zero columns."""

    def filled(h: torch.Tensor) -> torch.Tensor:
        return h.masked_fill(h < -100, -math.inf).exp()

    assert "it is filled with -inf where nobody knows" in grow_around(filled).reason


class _Scores(nn.Module):
    """Scores of attention whose width grows, masked by infinity or by a large number."""

    def __init__(self, width: int, value: float) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(3, width), nn.Linear(3, width)
        self.value = value

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = self.query(x) @ self.key(x).transpose(-1, -2)
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        result: torch.Tensor = scores.masked_fill(mask, self.value).softmax(-1) @ x
        return result


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize("value", [-math.inf, -1e9])
def test_masked_scores_come_out_right_when_their_sum_has_more_terms(
    value: float, growth: str, grow: Callable[..., Certificate]
) -> None:
    certificate = grow(_Scores(4, value), _Scores(8, value), torch.randn(2, 5, 3), growth=growth)
    assert certificate.is_exact_in_training, certificate.reason
