"""A mixture is the sum of all candidates, each times its weight."""

from __future__ import annotations

import pytest
import torch
from tests.oneshot.supernets import cell, choice, images, repeat
from torch import nn

from heredity.errors import InputError
from heredity.oneshot import (
    Cell,
    Choice,
    Elastic,
    ElasticConv2d,
    InputChoice,
    Repeat,
    choices,
    selecting,
)


@pytest.mark.parametrize("make", [choice, repeat], ids=["choice", "repeat"])
def test_a_mixture_is_the_weighted_sum_of_what_each_gives(make: type[nn.Module]) -> None:
    supernet, x = make().eval(), images()
    [point] = choices(supernet).values()
    weights = torch.linspace(0.1, 0.9, point.num_weights)
    total = torch.zeros(())
    for number, weight in enumerate(weights):
        with selecting({point.label: number}):
            total = total + weight * supernet(x)
    with selecting({point.label: weights}):
        torch.testing.assert_close(supernet(x), total)


def test_kernels_are_mixed_as_their_outputs_would_be() -> None:
    layer = ElasticConv2d(4, 6, Elastic((1, 3, 5), label="kernel"), stride=2).double()
    x, weights = images().double(), torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
    total = torch.zeros((), dtype=torch.float64)
    for number, weight in enumerate(weights):
        with selecting({"kernel": number}):
            total = total + weight * layer(x)
    with selecting({"kernel": weights}):
        torch.testing.assert_close(layer(x), total)


def test_inputs_are_mixed_with_one_weight_for_each_input() -> None:
    inputs = InputChoice(3, 2, label="inputs")
    assert choices(inputs)["inputs"].num_weights == 3
    with selecting({"inputs": torch.tensor([1.0, 10.0, 100.0])}):
        assert inputs([torch.ones(()), torch.ones(()), torch.ones(())]).item() == 111.0


def test_a_mixture_gives_its_weights_gradients() -> None:
    supernet = cell()
    weights = {
        label: torch.ones(point.num_weights, requires_grad=True) for label, point in choices(supernet).items()
    }
    with selecting(weights):
        supernet(images()).sum().backward()
    assert all(weight.grad is not None for weight in weights.values())


@pytest.mark.parametrize("shape", [(3,), (2, 1)])
def test_weights_of_another_number_are_refused(shape: tuple[int, ...]) -> None:
    with selecting({"op": torch.ones(shape)}), pytest.raises(InputError, match="op: expected 2 weights"):
        choice()(images())


def test_only_the_chosen_candidate_runs_and_has_gradients() -> None:
    supernet = Choice([nn.Linear(2, 2), nn.Linear(2, 2)], label="op")
    with selecting({"op": 1}):
        supernet(torch.ones(1, 2)).sum().backward()
    has_gradient = {name: parameter.grad is not None for name, parameter in supernet.named_parameters()}
    assert has_gradient == {name: name.startswith("candidates.1") for name in has_gradient}


def test_an_edge_that_is_not_chosen_is_not_computed() -> None:
    ran: list[int] = []
    made = Cell({"only": lambda edge: _Counting(ran, edge.source)}, num_nodes=2, label="cell")
    selection = dict.fromkeys(choices(made), 0)
    with selecting({**selection, "cell/1/inputs": 2}):
        made(torch.ones(1, 1), torch.ones(1, 1))
    assert ran == [0, 1, 1, 2]


class _Counting(nn.Module):
    def __init__(self, ran: list[int], source: int) -> None:
        super().__init__()
        self._ran, self._source = ran, source

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        self._ran.append(self._source)
        return value


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Choice([], label="op"), "at least one candidate"),
        (lambda: Choice([nn.ReLU()], label=""), "expected a label"),
        (lambda: Choice([nn.ReLU()], label="op", mixed_only=["x"]), "names of candidates, got 'x'"),
        (lambda: InputChoice(2, 3, label="in"), "expected 1 to num_candidates = 2, got 3"),
        (lambda: Repeat([nn.ReLU()], low=2, label="d"), "0 <= low <= high"),
        (lambda: Cell({}, num_nodes=0, label="c"), "at least one node"),
    ],
)
def test_what_cannot_be_chosen_is_refused(make: type[nn.Module], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_a_cell_says_how_many_inputs_it_has() -> None:
    made = Cell({"same": lambda _: nn.Identity()}, num_nodes=1, label="cell")
    with pytest.raises(InputError, match="expected 2 inputs, got 1"):
        made(torch.ones(1))
