"""Weights that are a direction times a length: rows go with their lengths, which grow with copies."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from heredity.graph import Kind, Node
from heredity.transfer import Certificate, apply, plan_transfer, trace
from heredity.transfer.operators.assigning import assigned
from heredity.transfer.operators.maps import columns, rows
from heredity.transfer.operators.relation import gather, identity
from heredity.transfer.operators.tensor_view import TensorView

ROWS = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))


def node(name: str, *shape: int) -> Node:
    return Node(name, Kind.PARAMETER, shape=shape, dtype="float32", tensor=name)


def chain(width: int, *, inner: int = 4, dim: int = 0) -> nn.Module:
    """Three layers whose weights are a direction times a length."""
    layers = (
        weight_norm(nn.Linear(3, width), dim=dim), nn.Tanh(),
        weight_norm(nn.Linear(width, inner), dim=dim), nn.Unflatten(1, (inner, 1)),
        weight_norm(nn.Conv1d(inner, 2, 1), dim=dim), nn.Flatten(),
    )  # fmt: skip
    for name, parameter in nn.Sequential(*layers).named_parameters():
        if name.endswith("original0"):
            nn.init.uniform_(parameter, 0.5, 2.0)  # lengths that are not those of the directions
    return nn.Sequential(*layers)


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize(("width", "inner"), [(8, 4), (4, 8), (8, 12), (6, 5)])
def test_growth_is_exact(width: int, inner: int, growth: str, grow: Callable[..., Certificate]) -> None:
    certificate = grow(chain(4), chain(width, inner=inner), ROWS, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


def test_the_gradient_of_copies_is_as_planned(grow: Callable[..., Certificate]) -> None:
    """A direction's gradient gets its row's share and its column's factor, a length's its row's."""
    del grow  # seeds
    father, child = chain(4).double(), chain(8, inner=8).double()
    x = ROWS.double()
    plan = plan_transfer(trace(father, (x,)), trace(child, (x,)), growth="copy", noise=0.0)
    apply(plan, father.state_dict(), child)
    for module in (father, child):
        torch.autograd.backward(module(x).square().sum())
    theirs = dict(father.named_parameters())
    for name, parameter in child.named_parameters():
        step = plan.by_tensor[name]
        expected = theirs[step.source or name].grad
        assert expected is not None
        for number, axis in enumerate(step.axes):
            factors = torch.tensor(axis.gradient_scales or [1.0] * len(axis.sources), dtype=torch.float64)
            shape = [-1 if i == number else 1 for i in range(expected.dim())]
            expected = expected.index_select(number, torch.tensor(axis.sources)) * factors.reshape(shape)
        torch.testing.assert_close(parameter.grad, expected)


def test_new_blocks_add_nothing_by_a_length_of_zero(grow: Callable[..., Certificate]) -> None:
    class Residual(nn.Module):
        def __init__(self, depth: int) -> None:
            super().__init__()
            self.blocks = nn.ModuleList(
                nn.Sequential(weight_norm(nn.Linear(3, 4)), nn.Tanh(), weight_norm(nn.Linear(4, 3)))
                for _ in range(depth)
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for block in self.blocks:
                x = x + block(x)
            return x

    child = Residual(3)
    certificate = grow(Residual(1), child, ROWS)
    assert certificate.is_exact_in_training, certificate.reason
    grown = copy.deepcopy(child)
    apply(plan_transfer(trace(Residual(1), (ROWS,)), trace(child, (ROWS,))), Residual(1).state_dict(), grown)
    assert all(parameter.isfinite().all() for parameter in grown.parameters())


def test_a_narrower_layer_is_approximate(grow: Callable[..., Certificate]) -> None:
    certificate = grow(chain(6), chain(4), ROWS)
    assert "are left out" in certificate.reason
    assert certificate.coverage > 0.5


def test_scaled_copies_of_other_numbers_are_refused() -> None:
    """Three columns of one entry and one of another would make a row longer in one direction."""
    ours, theirs = (TensorView(node("v", 2, n), (0, 1), node("g", 2, 1)) for n in (4, 2))
    thirds = columns(gather([0, 0, 0, 1], num_parent=2))
    found, problem = assigned("weight", (ours, theirs), (rows(identity(2)), thirds), 1)
    assert "would get other lengths each by its own" in problem
    assert [each.tensor for each in found] == ["v", "g"]


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize(("width", "inner"), [(8, 4), (4, 8), (8, 12), (6, 5)])
def test_growth_is_exact_with_lengths_of_columns(
    width: int, inner: int, growth: str, grow: Callable[..., Certificate]
) -> None:
    """New rows are zero, since they would count to the lengths of the columns."""
    certificate = grow(chain(4, dim=1), chain(width, inner=inner, dim=1), ROWS, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


@pytest.mark.parametrize("width", [4, 8])
def test_a_grouped_kernel_grows_with_a_length_for_each_place(
    width: int, grow: Callable[..., Certificate]
) -> None:
    """As in wav2vec 2.0 (Baevski et al., 2020), before a norm that wants equally many copies."""

    def make(width: int) -> nn.Module:
        kernel = weight_norm(nn.Conv1d(width, width, 3, padding=1, groups=2), dim=2)
        nn.init.uniform_(next(kernel.parametrizations.parameters()), 0.5, 2.0)
        return nn.Sequential(nn.Conv1d(3, width, 1), kernel, nn.GELU(), nn.Flatten(), nn.Linear(5 * width, 2))

    certificate = grow(make(4), make(width), torch.randn(2, 3, 5))
    assert certificate.is_exact_in_training, certificate.reason
