"""Norms and spreads: zeros add nothing to a norm, and equally many copies leave a spread to be scaled."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional

from heredity.transfer import Certificate

Function = Callable[[torch.Tensor], torch.Tensor]

PASSING: dict[str, Function] = {
    "norm": lambda h: h / h.norm(dim=-1, keepdim=True),
    "sum of sizes": lambda h: h * h.norm(p=1, dim=-1, keepdim=True),
    "largest size": lambda h: h * h.norm(p=torch.inf, dim=-1, keepdim=True),
    "normalize": lambda h: functional.normalize(h, dim=-1),
    "norm of the batch": lambda h: h * h.norm(dim=0),
    "norm of all": lambda h: h / (1 + h.norm()),
    "variance": lambda h: h * h.var(-1, keepdim=True),
    "variance, biased": lambda h: h * h.var(-1, correction=0, keepdim=True),
    "deviation": lambda h: h * h.std(-1, keepdim=True),
    "spread of the batch": lambda h: h * h.var(0) + h.std(0),
    "variance and mean": lambda h: (h - torch.var_mean(h, -1, keepdim=True)[1]) * h.std(-1, keepdim=True),
    "deviation and mean": lambda h: h * torch.std_mean(h, 0)[0] + torch.std_mean(h, 0)[1],
}


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize("name", PASSING)
def test_growth_under_a_statistic_is_exact(
    name: str, growth: str, grow_around: Callable[..., Certificate]
) -> None:
    certificate = grow_around(PASSING[name], widths=(4, 8), growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize("name", ["norm", "normalize", "largest size"])
def test_a_norm_takes_any_width(name: str, growth: str, grow_around: Callable[..., Certificate]) -> None:
    assert grow_around(PASSING[name], widths=(4, 7), growth=growth).is_exact_in_training


@pytest.mark.parametrize(
    ("in_parent", "in_child", "widths", "reason"),
    [
        (lambda h: h.norm(p=1, dim=0), lambda h: h.norm(p=2, dim=0), (4, 6), "ord is 2, in the parent 1"),
        (lambda h: h.norm(p=0, dim=0), lambda h: h.norm(p=0, dim=0), (4, 6), "a norm of order 0"),
        (
            lambda h: h * h.std(-1, keepdim=True),
            lambda h: h * h.std(-1, keepdim=True),
            (4, 6),
            "not equally many of each",
        ),
        (lambda h: h.std(0), lambda h: h.std(1).mean() * h, (4, 4), "the parent has no"),
    ],
)
def test_another_statistic_is_refused(
    in_parent: Function,
    in_child: Function,
    widths: tuple[int, int],
    reason: str,
    grow_around: Callable[..., Certificate],
) -> None:
    assert reason in grow_around(in_parent, in_child=in_child, widths=widths).reason
