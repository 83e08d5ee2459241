"""What the rules for numbers and for sums of them refuse is named: functions, sums, products, statistics."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.transfer.messages.networks import Case, Parts, aligned, entries, grown, made, parts, told
from tests.transfer.test_rules import FEATURES, SERIES, Net
from torch import nn
from torch.nn import functional

from heredity.transfer.operators.relation import JUNK

NEW = entries(0, 1, 2, JUNK)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


FUNCTIONS: dict[str, Case] = {
    "aten.log.default of new entries, which may be zero or negative": lambda: grown(
        lambda h: h.abs().log(), of=NEW
    ),
    "a root of new entries, which may be negative": lambda: grown(
        lambda h: h.abs().neg().pow(0.5).nan_to_num(), of=NEW
    ),
    "a power of 0": lambda: grown(lambda h: h.pow(0)),
    "powers of 0": lambda: grown(lambda h: torch.pow(0.0, h.abs())),
    "it is float32, in the parent int32": lambda: grown(
        lambda h: h.to(torch.int32).to(h.dtype), in_child=lambda h: h.to(torch.float32).to(h.dtype)
    ),
    "the slope differs": lambda: made(
        lambda net, x: net.l1(functional.prelu(net.l0(x), net.l2(x[0]))),
        lambda n: parts(l0=(7, n), l1=(n, 2), l2=(7, 1)),
        factors={"linear.1": [2.0]},
    ),
    "there are (1,) slopes, in the parent (3,)": lambda: made(
        lambda net, x: net.l1(functional.prelu(net.l0(x), net.p)),
        lambda n: parts(l0=(7, n), l1=(n, 2), p=torch.randn(3 if n == 3 else 1)),
    ),
    "one of two values is 2 times the parent's": lambda: grown(
        lambda h: torch.where(h > 0, h.cos() * 3, h.sin()),
        in_child=lambda h: torch.where(h > 0, h.cos() * 6, h.sin()),
        sizes=(4, 4),
    ),
    "what is filled up is 2 times the parent's": lambda: grown(
        lambda h: (h.cos() * 3).masked_fill(h > 0, 1.0),
        in_child=lambda h: (h.cos() * 6).masked_fill(h > 0, 1.0),
        sizes=(4, 4),
    ),
}


def one_column_in_child(n: int) -> Parts:
    """A second layer whose result is broadcast in the child."""
    return parts(l0=(7, n), l1=(n, 2), l2=(7, 4 if n == 4 else 1))


def half_added(net: Net, x: torch.Tensor) -> torch.Tensor:
    """A branch, and half of what it reads."""
    h = net.l0(x)
    result: torch.Tensor = net.l1(torch.add(net.l2(h), h, alpha=0.5))
    return result


ARITHMETIC: dict[str, Case] = {
    "other is tied to a tensor that is solved already": lambda: made(
        lambda net, x: net.l1((net.l0(x) + net.p).tanh() + net.p),
        lambda n: parts(l0=(7, n), l1=(n, 2), p=torch.randn(n)),
    ),
    "entries 6 and 1 are added, in the parent 4, 4": lambda: made(
        lambda net, x: net.l1(net.l0(x) + net.l2(x)), one_column_in_child, sizes=(4, 6)
    ),
    "entries 6 and 1 meet, in the parent 4 and 4": lambda: made(
        lambda net, x: net.l1(net.l0(x) * net.l2(x)), one_column_in_child, sizes=(4, 6)
    ),
    "entries 6 and 1 meet, in the parent 4 and 4 (at lerp.0)": lambda: made(
        lambda net, x: net.l1(net.l0(x).lerp(net.l2(x), 0.5 * net.l0(x).sigmoid())),
        one_column_in_child,
        sizes=(4, 6),
    ),
    "a division by what may be zero": lambda: grown(lambda h: 1 / (h / h), of=NEW),
    "a single number takes no factor": lambda: made(
        lambda net, x: net.l1(net.l0(x) * net.p),
        lambda n: parts(l0=(7, n), l1=(n, 2), p=torch.tensor(0.5)),
        factors={"mul.0": [2.0] * 4},
    ),
    "a new addition that scales or broadcasts": lambda: aligned(
        Net(lambda net, x: net.l1(net.l0(x)), **parts(l0=(7, 4), l1=(4, 2))),
        Net(half_added, **parts(l0=(7, 4), l1=(4, 2), l2=(4, 4))),
        FEATURES,
        change=lambda usual: replace(usual, zeroed=frozenset({"linear.1"})),
    ),
    "one side of the sum, beside the other, is 2 times the parent's": lambda: grown(
        lambda h: h.cos() * 3 + h.sin(), in_child=lambda h: h.cos() * 6 + h.sin(), sizes=(4, 4)
    ),
    "holds whole numbers, which take no factors": lambda: made(
        lambda net, x: net.l1(net.l0(x) + net.n),
        lambda n: parts(l0=(7, n), l1=(n, 2), n=torch.tensor([1, 2, 3, 5])),
        sizes=(4, 4),
        factors={"linear.0": [0.5] * 4},
    ),
    "would have to change along an axis that p does not have": lambda: made(
        lambda net, x: net.l0(x) + net.p.view(3, 1),
        lambda n: parts(l0=(7, n), p=torch.randn(3)),
        sizes=(1, 1),
        factors={"linear.0": [2.0]},
    ),
}


def two_weighted(net: Net, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Two layers' results, weighted by one tensor."""
    return tuple(torch.einsum("bi,i->bi", layer(x), net.w) for layer in (net.l0, net.l2))


def two_sums(net: Net, x: torch.Tensor) -> torch.Tensor:
    """Two layers' results, summed up by one tensor."""
    return torch.einsum("bi,i->b", net.l0(x), net.w) + torch.einsum("bi,i->b", net.l2(x), net.w)


def two_layers(n: int) -> Parts:
    return parts(l0=(7, n), l2=(7, n), w=torch.randn(n))


COPIED, COPIED_OTHERWISE = entries(0, 1, 2, 0), entries(0, 1, 2, 1)
TWICE = entries(0, 1, 0, 1, of=2)

PRODUCTS: dict[str, Case] = {
    "another number of tensors is multiplied": lambda: grown(
        lambda h: torch.einsum("bi,bi->bi", h, h), in_child=lambda h: torch.einsum("bi,bi,bi->bi", h, h, h)
    ),
    "axes of a product do not fit": lambda: made(
        lambda net, x: net.l1(torch.einsum("bi,bi->bi", net.l0(x), net.l2(x))),
        one_column_in_child,
        sizes=(4, 6),
    ),
    "the axes that are summed over do not fit": lambda: grown(lambda h: h.tanh() @ h.t().sigmoid(), of=NEW),
    "the sum is 2 times the parent's": lambda: made(
        lambda net, x: torch.einsum("bi,bi->", net.l0(x), net.l0(x).tanh()),
        lambda n: parts(l0=(7, n)),
        sizes=(2, 4),
        maps={("linear.0", 1): TWICE, ("linear.1", 1): TWICE},
    ),
    "an axis of a tensor is summed over by itself": lambda: made(
        lambda net, x: net.l1(torch.einsum("bi,io->bi", net.l0(x), net.w)),
        lambda n: parts(l0=(7, n), l1=(n, 2), w=torch.randn(n, 5)),
    ),
    "a tied tensor does not fit": lambda: made(
        lambda net, x: torch.matmul(two_weighted(net, x)[0], two_weighted(net, x)[1].t()),
        two_layers,
        maps={("linear.0", 1): COPIED, ("linear.1", 1): COPIED_OTHERWISE},
    ),
    "a tied tensor is read with a factor": lambda: made(
        two_sums,
        two_layers,
        maps={("linear.0", 1): COPIED, ("linear.1", 1): COPIED},
        factors={"linear.1": [2.0] * 4},
    ),
    "alpha is 0": lambda: made(
        lambda net, x: net.l1(torch.baddbmm(net.l0(x), net.l0(x), net.w, alpha=0)),
        lambda n: parts(l0=(3, n), l1=(n, 2), w=torch.randn(2, n, n)),
        x=SERIES,
    ),
    "a bias is added to scaled entries (at bilinear.0)": lambda: made(
        lambda net, x: net.l1(net.both(net.l0(x).transpose(1, 2), x[:, :3])),
        lambda n: parts(l0=(3, n), both=nn.Bilinear(4, 3, 2), l1=(2, 2)),
        sizes=(3, 3),
        maps={("linear.0", 2): entries(0, 1, 2, scales=[1, 2, 3])},
        x=SERIES,
    ),
}

STATISTICS: dict[str, Case] = {
    "other axes are combined": lambda: made(
        lambda net, x: net.last(net.l0(x).std(1)),
        lambda n: parts(l0=(3, n), last=(4, 2)),
        in_child=lambda net, x: net.last(net.l0(x).std(2)),
        sizes=(4, 5),
        x=SERIES,
    ),
    "the factor is too large or too small for a number": lambda: grown(
        lambda h: h * torch.linalg.vector_norm(h, ord=2, dim=1, keepdim=True),
        sizes=(3, 3),
        factors={"linear.0": [1e-200] * 3},
    ),
    "the whole is 1.41421 times the parent's": lambda: made(
        lambda net, x: torch.linalg.vector_norm(net.l0(x)),
        lambda n: parts(l0=(7, n)),
        sizes=(2, 4),
        maps={("linear.0", 1): TWICE},
    ),
    "an axis whose spread is taken holds new entries, or not equally many of each": lambda: grown(
        lambda h: h + h.var(1, keepdim=True), of=NEW
    ),
    "a factor is too large or too small for a number": lambda: grown(
        lambda h: h.unsqueeze(2).expand(-1, -1, 2).var(2), sizes=(3, 3), factors={"linear.0": [1e200, 1, 1]}
    ),
    "an axis that a norm is taken over holds new entries, or not equally many of each": lambda: grown(
        lambda h: h * torch.linalg.vector_norm(h, dim=1, keepdim=True), of=NEW
    ),
    "an axis that is combined holds new entries, or not equally many of each": lambda: grown(
        lambda h: h - h.mean(1, keepdim=True), of=NEW
    ),
    "an axis that is combined holds new entries, or not all of them": lambda: grown(
        lambda h: h - h.amax(1, keepdim=True), of=NEW
    ),
    "what is compared is scaled": lambda: grown(
        lambda h: h * h.amax(1, keepdim=True), sizes=(4, 4), factors={"linear.0": [-2.0] * 4}
    ),
    "the scores are 2 times the parent's": lambda: grown(
        lambda h: (h.cos() * 3).softmax(1), in_child=lambda h: (h.cos() * 6).softmax(1), sizes=(4, 4)
    ),
    "the scores are scaled one by one": lambda: grown(
        lambda h: h.softmax(1), sizes=(4, 4), factors={"linear.0": [2.0, 1, 1, 1]}
    ),
}

REFUSED = {**FUNCTIONS, **ARITHMETIC, **PRODUCTS, **STATISTICS}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_proven_of_numbers_is_named(reason: str) -> None:
    assert reason in told(REFUSED[reason]())


@pytest.mark.filterwarnings("ignore:var.*degrees of freedom")
def test_a_variance_of_as_many_entries_as_are_taken_off_is_named() -> None:
    plan = grown(lambda h: h + h.var(1, keepdim=True, correction=4), sizes=(2, 4))
    assert "a variance of too few entries, or of others" in told(plan)
