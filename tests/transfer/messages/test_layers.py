"""What the rules for layers with tensors of their own refuse is named: linear ones, convolutions, norms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from tests.transfer.messages.networks import Case, Parts, aligned, entries, grown, made, parts, told
from tests.transfer.test_rules import FEATURES, SERIES, Net, doubted
from torch import nn
from torch.nn import functional

from heredity.transfer import TransferPlan
from heredity.transfer.operators.relation import JUNK, MEAN, AxisRelation

IMAGES = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
NEW = entries(0, 1, 2, JUNK)
UNEVEN_OF_FOUR = entries(0, 1, 2, 3, 0, JUNK, of=4)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def inner(net: Net, x: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = net.l1(net.l2(net.l0(x)))
    return result


AFFINE: dict[str, Case] = {
    "the bias is multiplied": lambda: made(
        lambda net, x: net.l1(torch.addmm(net.b, net.l0(x), net.w, beta=2)),
        lambda n: parts(l0=(7, n), l1=(n, 2), b=torch.randn(n), w=torch.randn(n, n)),
    ),
    "weight is not a matrix of the state dict but computed": lambda: made(
        lambda net, x: net.l1(functional.linear(net.l0(x), net.w * net.l0(x).mean())),
        lambda n: parts(l0=(7, n), l1=(n, 2), w=torch.randn(n, n)),
    ),
    "a tied tensor is read where it does not fit": lambda: made(
        lambda net, x: net.l1(net.l2(net.l2(net.l0(x)))),
        lambda n: parts(l0=(7, n), l1=(n, 2), l2=(n, n)),
        maps={("linear.0", 1): entries(0, 1, 2, 0), ("linear.1", 1): entries(0, 1, 2, 1)},
    ),
    "a bias is added to scaled entries": lambda: made(
        lambda net, x: net.l2(net.l1(net.l0(x).transpose(1, 2))),
        lambda n: parts(l0=(3, n), l1=(4, 3), l2=(3, 2)),
        maps={("linear.0", 2): entries(0, 1, 2, 0, scales=[1, 2, 3, 1])},
        x=SERIES,
    ),
    "a new aten.linear.default cannot hand on all that comes in": lambda: doubted(
        Net(lambda net, x: net.l1(net.l0(x)), **parts(l0=(7, 4), l1=(4, 2))),
        Net(inner, **parts(l0=(7, 4), l2=(4, 6), l1=(6, 2))),
        maps={("linear.0", 1): entries(0, 1, 2, JUNK, of=4)},
    ),
    "a new aten.linear.default changes what comes in": lambda: aligned(
        Net(lambda net, x: net.l1(net.l0(x)), **parts(l0=(7, 4), l1=(4, 2))),
        Net(inner, **parts(l0=(7, 4), l2=(4, 4), l1=(4, 2))),
        FEATURES,
        change=lambda usual: replace(usual, identities=frozenset()),
    ),
    "weight is a view of w": lambda: doubted(
        Net(lambda net, x: net.l1(net.l0(x).relu()), **parts(l0=(7, 3), l1=(3, 2))),
        Net(
            lambda net, x: net.l1(functional.linear(net.l0(x), net.w.t()).relu()),
            **parts(l0=(7, 3), l1=(3, 2), w=torch.randn(3, 3)),
        ),
    ),
    "weight is read by another operator too": lambda: doubted(
        Net(lambda net, x: net.l1(net.l0(x)), **parts(l0=(7, 3), l1=(3, 2))),
        Net(lambda net, x: net.l1(net.l2(net.l2(net.l0(x)))), **parts(l0=(7, 3), l1=(3, 2), l2=(3, 3))),
    ),
    "weight is another view of w than in the parent": lambda: made(
        lambda net, x: net.l1(functional.linear(net.l0(x), net.w)),
        lambda n: parts(l0=(7, n), l1=(n, 2), w=torch.randn(n, n)),
        in_child=lambda net, x: net.l1(functional.linear(net.l0(x), net.w.t())),
    ),
    "a weight is normed that is computed": lambda: made(
        lambda net, x: net.l1(functional.linear(net.l0(x), torch._weight_norm(net.v.cos(), net.g, 0))),
        lambda n: parts(l0=(7, n), l1=(n, 2), v=torch.randn(n, n), g=torch.rand(n, 1)),
    ),
}


def convolution(read: int, made: int, size: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(read, made, size, padding=size // 2, groups=groups)


def behind_another(
    make: Callable[[int], nn.Module], *, of: AxisRelation | None = None, to: int = 6
) -> TransferPlan:
    """A plan for something between two convolutions, whose width grows from 4."""
    return made(
        lambda net, x: net.c(net.b(net.a(x))),
        lambda n: parts(a=convolution(4, n), b=make(n), c=convolution(n, 2)),
        sizes=(4, to),
        maps={} if of is None else {("conv2d.0", 1): of},
        x=IMAGES,
    )


def put_between(new: nn.Module, *, is_identity: bool = True) -> TransferPlan:
    """A plan for a child that has a module more between two convolutions."""

    def ends() -> Parts:
        return parts(a=convolution(4, 4), c=convolution(4, 2))

    return aligned(
        Net(lambda net, x: net.c(net.a(x)), **ends()),
        Net(lambda net, x: net.c(net.b(net.a(x))), **ends(), b=new.double()),
        IMAGES,
        change=lambda usual: usual if is_identity else replace(usual, identities=frozenset()),
    )


CONVOLUTIONS: dict[str, Case] = {
    "an axis other than the channels differs": lambda: made(
        lambda net, x: net.c(net.l0(x)).mean(2),
        lambda n: parts(l0=(3, n), c=nn.Conv1d(4, 2, 1)),
        x=SERIES,
    ),
    "the channels do not fit into 2 groups, in the parent 2": lambda: made(
        lambda net, x: net.b(net.a(x)),
        lambda n: parts(a=convolution(4, n), b=convolution(n, 2, groups=2)),
        sizes=(4, 6),
        maps={("conv2d.0", 1): UNEVEN_OF_FOUR},
        x=IMAGES,
    ),
    "the result does not fit into 2 groups, in the parent 2": lambda: made(
        lambda net, x: net.c(net.b(net.a(x))),
        lambda n: parts(a=convolution(4, 4), b=convolution(4, n, groups=2), c=convolution(n, 2)),
        sizes=(4, 6),
        maps={("conv2d.1", 1): UNEVEN_OF_FOUR},
        x=IMAGES,
    ),
    "the groups of a transposed convolution differ": lambda: behind_another(
        lambda n: nn.ConvTranspose2d(n, n, 1, groups=n // 2)
    ),
    "a new aten.conv2d.default that cannot be the identity": lambda: put_between(
        nn.Conv2d(4, 4, 2, padding=1)
    ),
}

FOUR_BY_THREE = (4, 3)


def normalized_places(net: Net, x: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = net.l1(functional.layer_norm(net.l0(x).transpose(1, 2), (4,)))
    return result


def normalized(net: Net, x: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = net.l1(net.norm(net.l0(x)))
    return result


NORMALIZATIONS: dict[str, Case] = {
    "a new normalization changes what comes in": lambda: put_between(nn.BatchNorm2d(4), is_identity=False),
    "a new normalization without statistics or factors": lambda: put_between(nn.BatchNorm2d(4, affine=False)),
    "a new batch normalization, which train mode follows (at batch_norm.0)": lambda: put_between(
        nn.BatchNorm2d(4)
    ),
    "normalized_shape is (4, 3), in the parent (3,)": lambda: grown(
        lambda h: functional.layer_norm(h, (3,)),
        in_child=lambda h: functional.layer_norm(h, FOUR_BY_THREE),
        sizes=(3, 3),
        x=SERIES,
    ),
    "what is normalized is scaled place by place": lambda: made(
        normalized_places,
        lambda n: parts(l0=(3, n), l1=(4, 2)),
        maps={("linear.0", 2): entries(0, 1, 2, 0, scales=[1, 2, 3, 1])},
        x=SERIES,
    ),
    "means along one of several axes are not the mean of all": lambda: made(
        lambda net, x: net.l1(functional.layer_norm(net.l0(x), (4, net.l0.out_features)).mean(2)),
        lambda n: parts(l0=(3, n), l1=(4, 2)),
        maps={("linear.0", 2): entries(0, 1, 2, MEAN)},
        x=SERIES,
    ),
    "the standard deviation is 2 times the parent's": lambda: grown(
        lambda h: functional.layer_norm(h.cos() * 3, (4,)),
        in_child=lambda h: functional.layer_norm(h.cos() * 6, (4,)),
        sizes=(4, 4),
    ),
    "the root mean square is 2 times the parent's": lambda: grown(
        lambda h: functional.rms_norm(h.cos() * 3, (4,)),
        in_child=lambda h: functional.rms_norm(h.cos() * 6, (4,)),
        sizes=(4, 4),
    ),
    "what is normalized holds new entries, or not equally many copies of each": lambda: grown(
        lambda h: functional.layer_norm(h, h.shape[-1:]), of=NEW
    ),
    "weight is there in one of the two networks only": lambda: made(
        normalized,
        lambda n: parts(l0=(7, n), l1=(n, 2), norm=nn.BatchNorm1d(n, affine=n == 3)),
    ),
    "weight is there in the parent only": lambda: made(
        normalized,
        lambda n: parts(l0=(7, n), l1=(n, 2), norm=nn.RMSNorm(n, eps=1e-6, elementwise_affine=n == 3)),
        sizes=(3, 6),
    ),
    "a factor has no tensor to go to": lambda: grown(
        lambda h: functional.layer_norm(h, h.shape[-1:]),
        sizes=(2, 4),
        of=entries(0, 1, 0, 1, of=2, scales=[-1] * 4),
    ),
    "the channels are no product of 2 groups and the channels of one (at group_norm.0)": lambda: (
        behind_another(lambda n: nn.GroupNorm(2, n), of=UNEVEN_OF_FOUR)
    ),
    "a group holds new channels, or not equally many copies of each": lambda: behind_another(
        lambda n: nn.GroupNorm(2, n), of=entries(0, 1, JUNK, 2, 3, JUNK, of=4)
    ),
    "a group is scaled": lambda: behind_another(
        lambda n: nn.GroupNorm(2, n), of=entries(0, 1, 2, 3, of=4, scales=[2, 2, 1, 1]), to=4
    ),
}


REFUSED = {**AFFINE, **CONVOLUTIONS, **NORMALIZATIONS}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_a_layer_refuses_is_named(reason: str) -> None:
    assert reason in told(REFUSED[reason]())
