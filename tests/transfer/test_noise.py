"""Noise parts copies: no function changes, whatever its size, and afterwards every unit learns by itself."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from heredity.transfer import TransferPlan, apply, measure_difference, plan_transfer, trace

torch.set_num_threads(1)

Make = Callable[[int], nn.Module]


class Tied(nn.Module):
    """Two layers with one weight, be it by its own name or by one view of it."""

    def __init__(self, width: int, *, by_view: bool) -> None:
        super().__init__()
        self.first, self.end = nn.Linear(5, width), nn.Linear(width, 3)
        self.weight = nn.Parameter(torch.randn(width, width))
        self.by_view = by_view

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight, h = self.weight.t() if self.by_view else self.weight, self.first(x)
        result: torch.Tensor = self.end(functional.linear(functional.linear(h, weight), weight))
        return result


def mlp(width: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(5, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 3)
    )


def convolutional(width: int) -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 5)), nn.Conv1d(1, width, 3), nn.BatchNorm1d(width), nn.ReLU(),
        nn.Conv1d(width, 2, 3), nn.Flatten(1),
    )  # fmt: skip


class Experts(nn.Module):
    """The weights of several layers in one tensor, read along its last axis or its second."""

    def __init__(self, width: int, *, is_last: bool) -> None:
        super().__init__()
        self.first = nn.Linear(5, width)
        self.weight = nn.Parameter(torch.randn(2, 3, width) if is_last else torch.randn(2, width, 3))
        self.equation = "bi,eoi->beo" if is_last else "bi,eio->beo"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = torch.einsum(self.equation, self.first(x).relu(), self.weight)
        return result


NETWORKS: dict[str, tuple[Make, str]] = {
    "linear": (mlp, "4.weight"),
    "linear, with rows that are copies": (mlp, "2.weight"),
    "convolutions": (convolutional, "4.weight"),
    "experts, read along the second axis": (lambda width: Experts(width, is_last=False), "weight"),
    "experts, read along the last axis": (lambda width: Experts(width, is_last=True), "weight"),
}


def grown(make: Make, *, noise: float, seed: int = 0) -> tuple[TransferPlan, nn.Module, nn.Module]:
    """A parent of 4 units, and a child of 10 that inherits by copying."""
    torch.manual_seed(0)
    father, child = make(4).double(), make(10).double()
    x = (torch.randn(7, 5, dtype=torch.float64),)
    plan = plan_transfer(trace(father, x), trace(child, x), growth="copy", noise=noise, seed=seed)
    apply(plan, father.state_dict(), child)
    found = measure_difference(father, child, x, dtype=torch.float64)
    assert plan.certificate.is_exact, plan.certificate
    assert found.in_eval_relative < 1e-12
    assert found.in_training_relative < 1e-12 or not plan.certificate.is_exact_in_training
    return plan, father, child


@pytest.mark.parametrize("name", NETWORKS)
def test_noise_changes_weights_and_no_output(name: str) -> None:
    make, tensor = NETWORKS[name]
    father, noisy = grown(make, noise=0.5)[1:]
    plain = grown(make, noise=0.0)[2]
    deviation = father.get_parameter(tensor).std()
    assert (noisy.get_parameter(tensor) - plain.get_parameter(tensor)).std() > 0.1 * deviation


def test_a_great_deal_of_noise_changes_no_output_either() -> None:
    assert grown(mlp, noise=100.0)[0].certificate.is_exact


def test_rows_that_are_copies_stay_copies() -> None:
    weight = grown(mlp, noise=0.5)[2].get_parameter("2.weight")
    assert torch.equal(weight[0], weight[4])
    assert torch.equal(weight[1], weight[9])
    assert not torch.equal(weight[0], weight[1])


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_copies_part_in_the_first_step_only_with_noise(noise: float) -> None:
    child = grown(mlp, noise=noise)[2]
    torch.autograd.backward(
        functional.mse_loss(child(torch.randn(7, 5, dtype=torch.float64)), torch.ones(7, 3).double())
    )
    torch.optim.SGD(child.parameters(), lr=0.1).step()
    rows = child.get_parameter("2.weight")
    assert torch.allclose(rows[0], rows[4], rtol=1e-12) == (noise == 0)


def test_the_same_seed_draws_the_same_noise_and_another_another() -> None:
    first, same, other = (grown(mlp, noise=0.5, seed=seed)[2].get_parameter("4.weight") for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_each_tensor_has_noise_of_its_own() -> None:
    child, plain = (grown(mlp, noise=noise)[2] for noise in (0.5, 0.0))
    drawn = [child.get_parameter(f"{i}.weight") - plain.get_parameter(f"{i}.weight") for i in (2, 4)]
    assert not torch.allclose(drawn[0][:3] / drawn[0].std(), drawn[1] / drawn[1].std())


@pytest.mark.parametrize("by_view", [False, True])
def test_a_weight_that_two_operators_read_gets_no_noise(by_view: bool) -> None:
    plan = grown(lambda width: Tied(width, by_view=by_view), noise=0.5)[0]
    assert plan.by_tensor["weight"].noise is None
    assert plan.by_tensor["end.weight"].noise is not None


def test_units_that_have_no_copies_are_read_without_noise() -> None:
    """Of 4 units, the first two have three copies, the others two; grown by one, only the first has one."""
    torch.manual_seed(0)
    father, child = mlp(4).double(), mlp(5).double()
    x = (torch.randn(7, 5, dtype=torch.float64),)
    apply(plan_transfer(trace(father, x), trace(child, x), growth="copy"), father.state_dict(), child)
    theirs, ours = (module.get_parameter("4.weight") for module in (father, child))
    assert torch.equal(ours[:, 1:4], theirs[:, 1:])
    assert torch.allclose(ours[:, 0] + ours[:, 4], theirs[:, 0])
    assert not torch.allclose(ours[:, 0], ours[:, 4])


def test_a_weight_of_one_number_stays_one() -> None:
    """It has no deviation that noise could be measured by."""
    father = nn.Sequential(nn.Linear(5, 1), nn.ReLU(), nn.Linear(1, 1)).double()
    child = nn.Sequential(nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, 1)).double()
    x = (torch.randn(7, 5, dtype=torch.float64),)
    apply(plan_transfer(trace(father, x), trace(child, x), growth="copy"), father.state_dict(), child)
    assert all(bool(each.isfinite().all()) for each in child.parameters())
    assert measure_difference(father, child, x, dtype=torch.float64).in_eval_relative < 1e-12


def test_the_noise_is_as_large_as_it_is_said_to_be() -> None:
    """What is left after cancelling over 50 copies is nearly all of it."""
    torch.manual_seed(0)
    father, child = mlp(4).double(), mlp(200).double()
    x = (torch.randn(7, 5, dtype=torch.float64),)
    plan = plan_transfer(trace(father, x), trace(child, x), growth="copy", noise=0.3)
    apply(plan, father.state_dict(), child)
    plain = copy.deepcopy(child)
    apply(
        plan_transfer(trace(father, x), trace(child, x), growth="copy", noise=0), father.state_dict(), plain
    )
    drawn = (child.get_parameter("4.weight") - plain.get_parameter("4.weight")).detach()
    measure = 0.3 * father.get_parameter("4.weight").detach().std(correction=0)
    assert float(drawn.std() / measure) == pytest.approx(1.0, abs=0.15)
