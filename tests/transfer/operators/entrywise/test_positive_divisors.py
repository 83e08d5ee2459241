"""Divisions by what cannot be zero: new entries may be divided by it, whatever it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from heredity.transfer import Certificate

Function = Callable[[torch.Tensor], torch.Tensor]

ABOVE_ZERO: dict[str, Function] = {
    "softplus": lambda h: h.sin() / torch.nn.functional.softplus(h),
    "at least a bit": lambda h: h / h.abs().clamp_min(1e-6).expand_as(h),
    "a square and a bit": lambda h: h.cos() / (h.pow(2) + 0.1),
}


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize("name", ABOVE_ZERO)
def test_growth_is_exact(name: str, growth: str, grow_around: Callable[..., Certificate]) -> None:
    certificate = grow_around(ABOVE_ZERO[name], growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


def test_what_may_be_zero_is_refused(grow_around: Callable[..., Certificate]) -> None:
    assert "a division by what may be zero" in grow_around(lambda h: h.sin() / h.abs()).reason
