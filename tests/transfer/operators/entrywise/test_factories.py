"""Tensors made out of nothing: any relation between equal entries is true, ranges begin alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from heredity.transfer import Certificate

Function = Callable[[torch.Tensor], torch.Tensor]

PASSING: dict[str, Function] = {
    "zeros": lambda h: h + torch.zeros(h.shape[-1]),
    "zeros like": lambda h: h.tanh() * torch.zeros_like(h) + h,
    "new zeros": lambda h: torch.maximum(h, h.new_zeros(h.shape)),
    "ones": lambda h: torch.ones(h.shape[-1]) - h.sigmoid(),
    "ones like": lambda h: h / (torch.ones_like(h) + 1),
    "new ones": lambda h: h.relu() + h.new_ones(h.shape),
    "full": lambda h: h * torch.full((h.shape[-1],), 3.0),
    "full like": lambda h: h * torch.full_like(h, 3.0),
    "new full": lambda h: h * h.new_full((h.shape[-1],), 2.0),
    "filled": lambda h: torch.empty_like(h).fill_(3.0) + h,
    "arange": lambda h: h * torch.arange(h.shape[-1]),
    "arange with a step": lambda h: h * torch.arange(1, 2 * h.shape[-1] + 1, 2),
}


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize("name", PASSING)
def test_growth_beside_a_constant_is_exact(
    name: str, growth: str, grow_around: Callable[..., Certificate]
) -> None:
    certificate = grow_around(PASSING[name], growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


@pytest.mark.parametrize(
    ("make", "sizes", "reason"),
    [
        (lambda n: torch.full((n,), n / 2), (4, 6), "fill_value is 3.0, in the parent 2.0"),
        (lambda n: torch.zeros(n, dtype=torch.float64 if n == 6 else None), (4, 6), "dtype is torch.float64"),
        (lambda n: torch.arange(n, 2 * n), (4, 6), "start is 6, in the parent 4"),
        (lambda n: torch.arange(0, n * n, n), (4, 6), "step is 6, in the parent 4"),
        (lambda n: torch.arange(n if n == 4 else 6.0), (4, 6), "the range is one of another type"),
    ],
)
def test_another_constant_is_refused(
    make: Callable[[int], torch.Tensor],
    sizes: tuple[int, int],
    reason: str,
    grow_around: Callable[..., Certificate],
) -> None:
    certificate = grow_around(lambda h: h + make(h.shape[-1]), widths=sizes)
    assert reason in certificate.reason
