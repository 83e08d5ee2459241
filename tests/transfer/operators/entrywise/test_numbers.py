"""Numbers that two networks of other widths have: as constants, and added to tensors before they are used."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import torch
from torch import nn

from heredity.testing.architectures import random_pair
from heredity.testing.architectures.layers import RMSNorm
from heredity.transfer import Certificate, apply, measure_difference, plan_from_json, plan_transfer, trace

ROWS = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))


class Scaled(nn.Module):
    """Multiplies by a constant, or divides by the root of one."""

    scale: torch.Tensor

    def __init__(self, scale: float, *, is_divisor: bool = False) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(scale), persistent=False)
        self.is_divisor = is_divisor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / (self.scale * 3).sqrt() if self.is_divisor else x * self.scale


class Plus(nn.Module):
    """A function of a tensor of the state dict and a number, times what comes in."""

    def __init__(self, width: int, *, added: float) -> None:
        super().__init__()
        self.weight, self.added = nn.Parameter(torch.randn(width)), added

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * (self.weight + self.added)


@pytest.mark.parametrize(("ours", "theirs"), [(2.0, 3.0), (0.5, 0.5), (-1.0, -4.0)])
def test_constants_that_differ_are_a_factor(
    ours: float, theirs: float, grow: Callable[..., Certificate]
) -> None:
    father, child = (
        nn.Sequential(nn.Linear(3, width), Scaled(scale), nn.GELU(), nn.Linear(width, 2))
        for width, scale in ((4, theirs), (6, ours))
    )
    assert grow(father, child, ROWS).is_exact_in_training


@pytest.mark.parametrize(("ours", "theirs"), [(2.0, 0.0), (1.0, -1.0), (float("inf"), 1.0)])
def test_other_constants_are_refused(ours: float, theirs: float, grow: Callable[..., Certificate]) -> None:
    """Nothing before a GELU may have another sign, and zero gives nothing back."""
    father, child = (
        nn.Sequential(nn.Linear(3, 4), nn.Tanh(), Scaled(scale), nn.GELU(), nn.Linear(4, 2))
        for scale in (theirs, ours)
    )
    assert not grow(father, child, ROWS).is_exact


def test_numbers_that_are_computed_of_constants_are_known(grow: Callable[..., Certificate]) -> None:
    """As the scores of DeBERTa are divided by the root of three times the width of a head."""
    father, child = (
        nn.Sequential(nn.Linear(3, width), Scaled(float(width), is_divisor=True), nn.Linear(width, 2))
        for width in (4, 6)
    )
    assert grow(father, child, ROWS).is_exact_in_training


def gemma(width: int, *, added: float = 1.0) -> nn.Module:
    """A norm whose factors are kept less one, and a head that is not free to be scaled."""
    norm = RMSNorm(width, added=added)
    nn.init.normal_(norm.weight)  # type: ignore[arg-type]  # there is one
    return nn.Sequential(nn.Linear(3, width), norm, nn.GELU(), nn.Linear(width, 2))


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize("width", [6, 8, 4])
def test_factors_that_are_kept_less_one_take_factors(
    width: int, growth: str, grow: Callable[..., Certificate]
) -> None:
    certificate = grow(gemma(4), gemma(width), ROWS, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


def test_another_number_is_refused(grow: Callable[..., Certificate]) -> None:
    father, child = (nn.Sequential(nn.Linear(3, 4), Plus(4, added=added)) for added in (1.0, 2.0))
    assert "another view" in grow(father, child, ROWS).reason


def test_a_plan_that_adds_is_kept(grow: Callable[..., Certificate]) -> None:
    """Written down and read back, it does the same; versions that could not carry it out refuse it."""
    del grow  # seeds
    father, child = gemma(4).double(), gemma(6).double()
    x = ROWS.double()
    plan = plan_transfer(trace(father, (x,)), trace(child, (x,)))
    written = plan.to_json()
    assert isinstance(written, dict)
    assert written["format"] == 3
    assert "with 1 added" in str(plan)
    apply(plan_from_json(written), father.state_dict(), child)
    assert measure_difference(father, child, (x,), dtype=torch.float64).in_eval < 1e-12


def test_a_narrower_child_gets_all_it_can_although_numbers_differ() -> None:
    """Where nothing is proven any more, a factor does not keep two sides of a sum apart."""
    pair = random_pair(random.Random(0), kinds=["gemma"], changing=["width"], direction="grow")
    graphs = [trace(module, pair.inputs) for module in (pair.child, pair.parent)]
    assert plan_transfer(*graphs).certificate.coverage == 1.0
