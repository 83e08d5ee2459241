"""Gated units, slopes, powers: channels pass, with what belongs to them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from heredity.transfer import Certificate

Function = Callable[[torch.Tensor], torch.Tensor]

PASSING: dict[str, Function] = {
    "glu": lambda h: functional.glu(h, -1),
    "glu of zeros and others": lambda h: functional.glu(h.relu(), -1),
    "power of two": lambda h: 2.0**h,
    "one slope": lambda h: functional.prelu(h, h.new_full((1,), 0.3)),
    "a slope for each": lambda h: functional.prelu(h, h.new_full((h.shape[-1],), 0.3)),
}


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize("name", PASSING)
def test_growth_through_a_gate_is_exact(
    name: str, growth: str, grow_around: Callable[..., Certificate]
) -> None:
    certificate = grow_around(PASSING[name], widths=(4, 8), growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize("is_shared", [True, False])
def test_the_slopes_of_channels_go_with_them(
    is_shared: bool, growth: str, grow: Callable[..., Certificate]
) -> None:
    def make(width: int) -> nn.Module:
        slopes = nn.PReLU(1 if is_shared else width, init=0.3)
        nn.init.uniform_(slopes.weight, 0.1, 0.9)
        return nn.Sequential(nn.Conv1d(2, width, 3), slopes, nn.Conv1d(width, 2, 1))

    certificate = grow(make(3), make(5), torch.randn(2, 2, 6), growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


def test_a_power_of_another_number_is_refused(grow_around: Callable[..., Certificate]) -> None:
    certificate = grow_around(lambda h: 2.0**h, in_child=lambda h: 3.0**h)
    assert "input is 3.0, in the parent 2.0" in certificate.reason


def test_a_slope_for_all_is_none_for_each(grow: Callable[..., Certificate]) -> None:
    father, child = (nn.Sequential(nn.Linear(3, 4), nn.PReLU(n), nn.Linear(4, 2)) for n in (1, 4))
    assert "there are (4,) slopes, in the parent (1,)" in grow(father, child, torch.randn(2, 3)).reason


def test_halves_that_grow_apart_are_refused(grow: Callable[..., Certificate]) -> None:
    """Values and gates that are joined of layers of different widths do not meet their own."""

    class Joined(nn.Module):
        def __init__(self, sizes: tuple[int, ...], *, width: int) -> None:
            super().__init__()
            self.parts = nn.ModuleList(nn.Linear(3, size) for size in sizes)
            self.last = nn.Linear(width, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            joined = torch.cat([part(x) for part in self.parts], -1)
            result: torch.Tensor = self.last(functional.glu(joined, -1))
            return result

    certificate = grow(Joined((3, 5), width=4), Joined((5, 5), width=5), torch.randn(2, 3))
    assert not certificate.is_exact
