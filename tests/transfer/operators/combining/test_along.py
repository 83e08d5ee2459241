"""Functions of whole axes: those axes have to be the same, all others pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from heredity.transfer import Certificate

Function = Callable[[torch.Tensor], torch.Tensor]

PASSING: dict[str, Function] = {
    "argmax": lambda h: h * h.argmax(0),
    "sort": lambda h: h.sort(0)[0] + h.sort(0)[1],
    "argsort and gather": lambda h: h.gather(0, h.argsort(0)),
    "topk": lambda h: h.topk(2, 0)[0].sum(0) * h,
    "extremes": lambda h: h * h.max(0)[0] + h.min(0)[0],
    "median": lambda h: h * h.median(0)[0],
    "logsumexp": lambda h: h * h.logsumexp(0),
    "products": lambda h: h.cumprod(0) * h.prod(0),
    "differences": lambda h: h.diff(dim=0),
    "any": lambda h: h * (h > 0).any(0) * (h < 9).all(0),
    "log of shares": lambda h: h.log_softmax(0),
    "cosine": lambda h: h * functional.cosine_similarity(h, h.tanh(), 0),
    "swapped axes": lambda h: h.swapaxes(0, 1).exp().mT.T.T,
    "moved axes": lambda h: h[None].movedim(0, 2).exp().movedim((2, 0), (0, 1))[0],
    "shapes of others": lambda h: h.tanh().ravel().view_as(h).reshape_as(h).expand_as(h),
}


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize("name", PASSING)
def test_growth_beside_what_is_worked_along_is_exact(
    name: str, growth: str, grow_around: Callable[..., Certificate]
) -> None:
    certificate = grow_around(PASSING[name], growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


WORKED_ALONG: dict[str, Function] = {
    "sort": lambda h: h.sort(-1)[0].mean(-1, keepdim=True),
    "argmax": lambda h: h * h.argmax(-1, keepdim=True),
    "topk": lambda h: h.topk(2, -1)[0],
    "logsumexp": lambda h: h.logsumexp(-1, keepdim=True),
    "cumprod": lambda h: h.cumprod(-1)[:, :2],
}


@pytest.mark.parametrize("name", WORKED_ALONG)
def test_an_axis_that_is_worked_along_may_not_grow(
    name: str, grow_around: Callable[..., Certificate]
) -> None:
    assert "an axis that is worked along differs" in grow_around(WORKED_ALONG[name]).reason


def test_other_settings_are_refused(grow_around: Callable[..., Certificate]) -> None:
    certificate = grow_around(
        lambda h: h.topk(2, 0)[0].sum(0) * h, in_child=lambda h: h.topk(3, 0)[0].sum(0) * h
    )
    assert "k is 3, in the parent 2" in certificate.reason


def test_differences_to_another_tensor_are_refused(grow_around: Callable[..., Certificate]) -> None:
    certificate = grow_around(lambda h: h.diff(dim=0, prepend=h[:1].tanh()))
    assert "of more than one tensor" in certificate.reason


class _Mixture(nn.Module):
    """All experts in one tensor each, their results mixed by the shares of a router."""

    def __init__(self, experts: int, *, width: int = 4, inner: int = 3) -> None:
        super().__init__()
        self.first, self.router, self.last = (
            nn.Linear(3, width),
            nn.Linear(width, experts),
            nn.Linear(width, 2),
        )
        self.up = nn.Parameter(torch.randn(experts, width, inner))
        self.down = nn.Parameter(torch.randn(experts, inner, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        inner = torch.einsum("bw,ewi->bei", x, self.up).relu()
        result: torch.Tensor = self.last(
            torch.einsum("bei,eiw,be->bw", inner, self.down, self.router(x).softmax(-1))
        )
        return result


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize(("width", "inner"), [(4, 3), (8, 6)])
def test_twice_as_many_experts_share_what_each_got(
    width: int, inner: int, growth: str, grow: Callable[..., Certificate]
) -> None:
    """The softmax over copies gives each a half."""
    father, child = _Mixture(3), _Mixture(6, width=width, inner=inner)
    certificate = grow(father, child, torch.randn(5, 3), growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


def test_some_experts_more_are_refused(grow: Callable[..., Certificate]) -> None:
    certificate = grow(_Mixture(3), _Mixture(5), torch.randn(5, 3))
    assert "the axis that softmax normalizes differs" in certificate.reason
