"""A smaller child is fitted to its parent: closer on inputs that were not used, and never called exact."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from heredity.errors import InputError
from heredity.transfer import TransferPlan, Verdict, apply, plan_from_json, plan_transfer, trace
from heredity.transfer.shrinking import fit, recalibrate

torch.set_num_threads(1)


def inherited(parent: nn.Module, child: nn.Module, x: torch.Tensor, *, ridge: float = 0.01) -> TransferPlan:
    graphs = trace(parent, (x[:2],)), trace(child, (x[:2],))
    plan = plan_transfer(*graphs)
    apply(plan, parent.state_dict(), child)
    tensors = parent.state_dict()
    return fit(
        plan, child, parent=graphs[0], child=graphs[1], parent_tensors=tensors, inputs=(x,), ridge=ridge
    )


def network(width: int, kernel: int = 0) -> Any:  # the parts of a sequence have no types
    torch.manual_seed(width)
    if kernel:
        return nn.Sequential(
            nn.Conv1d(2, width, 3), nn.ReLU(), nn.Conv1d(width, 2, kernel, stride=2, padding=1)
        )
    return nn.Sequential(nn.Linear(3, width), nn.Tanh(), nn.Linear(width, 2))


def test_it_is_closer_on_inputs_that_it_has_not_seen(digits: Any, father: Any) -> None:  # of the conftest
    width = {12: 8, 32: 16}[father.width]
    wanted = father.module(digits.held_out).detach()
    plain, graph = father.child(width)
    plan = plan_transfer(father.graph, graph)
    apply(plan, father.tensors, plain)
    recalibrate(plain, [digits.probe])
    fitted, _ = father.child(width)
    apply(plan, father.tensors, fitted)
    fit(plan, fitted, child=graph, parent=father.graph, parent_tensors=father.tensors, inputs=(digits.probe,))
    errors = [float((each.eval()(digits.held_out).detach() - wanted).norm()) for each in (plain, fitted)]
    assert errors[1] < 0.6 * errors[0]


def test_without_a_ridge_it_is_the_formula() -> None:
    """W' = W C[:, S] C[S, S]^-1 with C of the centred activations, if what is read is the parent's."""
    parent, child, x = network(5).double(), network(3).double(), torch.randn(64, 3, dtype=torch.float64)
    inherited(parent, child, x, ridge=0.0)
    c = torch.cov(parent[:2](x).T)
    kept = [0, 1, 2]
    expected = parent[2].weight @ c[:, kept] @ torch.linalg.inv(c[kept][:, kept])
    torch.testing.assert_close(child[2].weight, expected)


@pytest.mark.parametrize("kernel", [0, 3, 4])
def test_its_residual_is_without_a_trace_of_what_it_reads(kernel: int) -> None:
    """What least squares leave is orthogonal to what could still be changed: no weight does better."""
    shape = (64, 2, 9) if kernel else (64, 3)
    parent, child = network(5, kernel).double(), network(3, kernel).double()
    x = torch.randn(shape, dtype=torch.float64)
    inherited(parent, child, x, ridge=0.0)
    loss = (child(x) - parent(x).detach()).square().sum()
    gradients = torch.autograd.grad(loss, list(child[2].parameters()))
    assert max(float(gradient.abs().max()) for gradient in gradients) < 1e-9


def test_what_is_lost_is_labelled_and_the_label_is_kept() -> None:
    plan = inherited(network(5), network(3), torch.randn(64, 3))
    verdict = plan.certificate.tensors["2.weight"]
    assert verdict.verdict is Verdict.APPROXIMATE
    assert verdict.reason.startswith("fitted to the parent's on 64 rows, ridge 0.01: ")
    assert not plan.certificate.is_exact
    assert plan_from_json(plan.to_json()) == plan


def test_an_exact_child_is_left_alone() -> None:
    parent, child, x = network(3), network(5), torch.randn(64, 3)
    graphs = trace(parent, (x,)), trace(child, (x,))
    plan = plan_transfer(*graphs)
    apply(plan, parent.state_dict(), child)
    before = {name: value.clone() for name, value in child.state_dict().items()}
    again = fit(
        plan, child, parent=graphs[0], child=graphs[1], parent_tensors=parent.state_dict(), inputs=(x,)
    )
    assert again is plan
    assert all(torch.equal(value, before[name]) for name, value in child.state_dict().items())


def test_what_already_does_as_the_parent_does_stays_as_it_is() -> None:
    """A child that lacks an output: each that is left is the parent's own."""
    parent, child, x = nn.Linear(3, 5), nn.Linear(3, 4), torch.randn(64, 3)
    plan = inherited(parent, child, x)
    assert torch.equal(child.weight, parent.weight[:4])
    assert "fitted" not in plan.certificate.tensors["weight"].reason


def test_few_rows_leave_the_other_directions_as_they_are() -> None:
    parent, child, x = network(50), network(40), torch.randn(2, 3)
    inherited(parent, child, x)
    assert float((child[2].weight - parent[2].weight[:, :40]).detach().abs().max()) < 1
    assert bool(torch.isfinite(child(torch.randn(9, 3))).all())


def test_a_tied_weight_is_left_alone() -> None:
    class Tied(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.words = nn.Embedding(7, width)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.linear(self.words(x), self.words.weight)

    parent, child = Tied(5), Tied(3)
    inherited(parent, child, torch.arange(7)[:, None])
    assert torch.equal(child.words.weight, parent.words.weight[:, :3])


def test_modes_and_types_stay() -> None:
    parent, child = network(5), network(3).to(torch.bfloat16).train()
    graphs = trace(parent, (torch.zeros(2, 3),)), trace(network(3), (torch.zeros(2, 3),))
    plan = plan_transfer(*graphs)
    apply(plan, parent.state_dict(), child)
    x = (torch.randn(64, 3),)
    fit(plan, child, parent=graphs[0], child=graphs[1], parent_tensors=parent.state_dict(), inputs=x)
    assert child.training
    assert {each.dtype for each in child.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize("ridge", [-1.0, float("nan")])
def test_a_ridge_that_cannot_be_is_refused(ridge: float) -> None:
    with pytest.raises(InputError, match="ridge"):
        inherited(network(5), network(3), torch.randn(64, 3), ridge=ridge)
