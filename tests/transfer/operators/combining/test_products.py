"""Products of tensors: what is summed over meets its own, a tensor of the state dict is solved for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from heredity.graph import Kind, Node
from heredity.transfer import Certificate
from heredity.transfer.operators.relation import JUNK, ZERO, Unproven, gather, identity
from heredity.transfer.operators.rules.combining.contraction import multiplied, relate_product
from heredity.transfer.operators.rules.combining.labels import Product

Function = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
STEPS = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))


class Multiplying(nn.Module):
    """A linear layer, a product with a tensor of its own, and a linear layer that reads it."""

    def __init__(self, function: Function, *shape: int, num_in: int, num_out: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, num_in), nn.Linear(num_out, 2)
        self.tensor = nn.Parameter(torch.randn(*shape))
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.last(self.function(self.first(x), self.tensor))
        return result


PASSING: dict[str, tuple[str, Function]] = {
    "matmul": ("io", lambda h, w: h @ w),
    "matmul, transposed": ("oi", lambda h, w: h @ w.t()),
    "mm": ("io", lambda h, w: torch.mm(h[0], w)),
    "bmm": ("5io", lambda h, w: torch.bmm(h.transpose(0, 1), w).transpose(0, 1)),
    "einsum": ("io", lambda h, w: torch.einsum("bti,io->bto", h, w)),
    "einsum with dots": ("oi", lambda h, w: torch.einsum("...i,oi->...o", h, w)),
    "einsum without an arrow": ("io", lambda h, w: torch.einsum("bi,io", h[0], w)),
    "experts": ("3io", lambda h, w: torch.einsum("bti,eio->bteo", h, w).relu().mean(2)),
    "a gate in between": ("io", lambda h, w: torch.einsum("bti,bti,io->bto", h, h.tanh(), w)),
    "the same twice": ("ii", lambda h, w: (h @ w).tanh() @ w),
    "pairs": ("1", lambda h, w: torch.einsum("bti,btj->btij", h, h).flatten(2) * w),
    "outer": ("1", lambda h, w: torch.outer(h[0, 0], h[1, 0]).flatten() * w),
}


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize("name", PASSING)
def test_growth_through_a_product_is_exact(name: str, growth: str, grow: Callable[..., Certificate]) -> None:
    axes, function = PASSING[name]

    def make(num_in: int, num_out: int) -> nn.Module:
        sizes = {"i": num_in, "o": num_in if axes == "ii" else num_out}
        shape = [sizes.get(axis) or int(axis) for axis in axes]
        num_read = num_in**2 if axes == "1" else sizes["o"]
        return Multiplying(function, *shape, num_in=num_in, num_out=num_read)

    certificate = grow(make(4, 3), make(8, 5), STEPS, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


@pytest.mark.parametrize("growth", ["fresh", "copy"])
def test_a_vector_is_read_like_a_row(growth: str, grow: Callable[..., Certificate]) -> None:
    father, child = (Multiplying(lambda h, w: (h @ w).unsqueeze(-1), n, num_in=n, num_out=1) for n in (3, 5))
    certificate = grow(father, child, STEPS, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


class _Bilinear(nn.Module):
    def __init__(self, width: int, num_out: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, width), nn.Linear(3, width)
        self.both, self.last = nn.Bilinear(width, width, num_out), nn.Linear(num_out, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.last(self.both(self.first(x), self.second(x).relu()))
        return result


@pytest.mark.parametrize("growth", ["fresh", "copy"])
def test_a_bilinear_layer_grows_on_all_three_sides(growth: str, grow: Callable[..., Certificate]) -> None:
    certificate = grow(_Bilinear(4, 3), _Bilinear(6, 4), STEPS, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


class _Attention(nn.Module):
    """Attention by hand, its scores scaled by the width."""

    def __init__(self, width: int, *, way: str) -> None:
        super().__init__()
        self.parts = nn.ModuleList(nn.Linear(3, width) for _ in range(3))
        self.last, self.scale, self.way = nn.Linear(width, 2), width**-0.5, way

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (part(x) for part in self.parts)
        if self.way == "einsum":
            scores = torch.einsum("bqd,bkd->bqk", q, k)
        elif self.way == "bmm":
            scores = torch.bmm(q, k.transpose(1, 2))
        else:
            scores = torch.baddbmm(x.new_zeros(1), q, k.transpose(1, 2), beta=0, alpha=self.scale)
        scores = scores if self.way == "baddbmm" else scores * self.scale
        mixed = torch.einsum("bqk,bkd->bqd", scores.softmax(-1), v)
        result: torch.Tensor = self.last(mixed)
        return result


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize("way", ["einsum", "bmm", "baddbmm"])
def test_attention_by_hand_is_exact(way: str, growth: str, grow: Callable[..., Certificate]) -> None:
    certificate = grow(_Attention(4, way=way), _Attention(8, way=way), STEPS, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


@pytest.mark.parametrize("growth", ["fresh", "copy"])
def test_something_may_be_added_to_a_product(growth: str, grow: Callable[..., Certificate]) -> None:
    father, child = (
        Multiplying(lambda h, w: torch.baddbmm(h, h.tanh(), w), 2, n, n, num_in=n, num_out=n) for n in (4, 8)
    )
    certificate = grow(father, child, STEPS, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


@pytest.mark.parametrize(
    ("in_parent", "in_child", "reason"),
    [
        ("bti,io->bto", "bto,io->bti", "another product is taken"),
        ("bti,ii->bti", "bti,ii->bti", "a diagonal is taken"),
    ],
)
def test_another_product_is_refused(
    in_parent: str, in_child: str, reason: str, grow: Callable[..., Certificate]
) -> None:
    def make(equation: str, width: int) -> nn.Module:
        return Multiplying(
            lambda h, w: torch.einsum(equation, h, w), width, width, num_in=width, num_out=width
        )

    father, child = make(in_parent, 4), make(in_child, 6)
    assert reason in grow(father, child, STEPS).reason


def test_a_narrower_product_is_approximate(grow: Callable[..., Certificate]) -> None:
    father, child = (Multiplying(lambda h, w: h @ w, n, 3, num_in=n, num_out=3) for n in (6, 4))
    assert "2 of 6 entries of the parent's axis are left out" in grow(father, child, STEPS).reason


def test_zero_hides_what_it_multiplies() -> None:
    new, zero = gather([0, JUNK], num_parent=1), gather([0, ZERO], num_parent=1)
    met = multiplied([(0, new), (1, zero)], 2)
    assert met.axis.g.tolist() == [0, ZERO]
    assert met.hiders == {1}


def test_two_operands_may_not_hide_what_is_new_of_each_other() -> None:
    """Beside both, the first is unknown where it should be zero, and so is the second."""
    new, zero = gather([0, JUNK], num_parent=1), gather([0, ZERO], num_parent=1)
    product = Product(("a", "b"), (node(2, 2), node(2, 2)), (("i", "j"), ("i", "j")), ("i", "j"))
    no_call = None  # nothing is solved, and no factor comes out
    with pytest.raises(Unproven, match="the other way round"):
        relate_product(no_call, product, product, [(zero, new), (new, zero)])  # type: ignore[arg-type]


def node(*shape: int) -> Node:
    return Node("a", Kind.INPUT, shape=shape, dtype="float32")


def test_one_entry_meets_all() -> None:
    scaled = gather([0], num_parent=1, scales=[2.0])
    met = multiplied([(0, gather([1, JUNK, 0], num_parent=2)), (1, scaled)], 3)
    assert met.axis.g.tolist() == [1, JUNK, 0]
    assert met.axis.s.tolist() == [2, 1, 2]


def test_axes_of_other_lengths_do_not_fit() -> None:
    with pytest.raises(Unproven, match="do not fit"):
        multiplied([(0, identity(2)), (1, gather([0, 1], num_parent=3))], 2)
