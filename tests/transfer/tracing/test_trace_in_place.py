"""A graph has no memory: writes in place become values, and all who would see a write read them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from heredity.graph import fingerprint
from heredity.transfer import StoredNetwork, measure_difference, trace

X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))

Function = Callable[[nn.Linear, torch.Tensor], torch.Tensor]


class Writes(nn.Module):
    """A linear layer, and what a function does with it."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.counter: torch.Tensor
        self.register_buffer("counter", torch.zeros(()))
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.counter.add_(1)
        return self.function(self.layer, x)


def a_value(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    h = layer(x)
    torch.relu_(h)
    return torch.add(h, 1)


def the_input(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    return torch.add(layer(x.mul_(2)), x)


def behind_a_view(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    h = layer(x)
    h.view(-1, 2).relu_()
    return torch.add(h, 1)


def before_a_view_is_read(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    h = layer(x)
    part = h[:, 1:3]
    h.mul_(2)
    return torch.add(part.sum(1), h[:, 0])


def a_piece(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    h = torch.add(x, 1)
    a, b = h.chunk(2, 1)
    a.relu_()
    return torch.add(layer(h), torch.cat([b, a], 1))


def pieces_of_given_sizes(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    h = torch.add(x, 1)
    torch.split(h, [1, 3], 1)[1].relu_()
    torch.split(h, 3, 1)[1].fill_(5.0)
    h.unbind(1)[0].zero_()
    return torch.add(layer(h), h)


def a_transposed_row(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    h = torch.neg(layer(x))
    h.t()[1].fill_(3.0)
    return h


def a_permuted_part(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    h = layer(x).reshape(-1, 2, 2)
    h.permute(2, 0, 1)[0].add_(1)
    return torch.flatten(h, 1)


def a_region_of_zeros(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    mask = torch.zeros(x.shape[0], 4)
    mask[:, :2] = 1
    mask[:, 3] += x[:, 0]
    return torch.mul(layer(x), mask)


def behind_dropout_that_is_off(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    h = layer(x)
    torch.relu_(nn.functional.dropout(h, 0.5, training=False))
    return torch.add(h, 1)


def a_copy(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    h = layer(x)
    h.clone().relu_()
    return torch.add(h, 1)


def a_narrower_type(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    h = torch.zeros(x.shape[0], 4, dtype=torch.int64)
    h.add_(2)
    return torch.mul(layer(x), h)


WRITES: list[Function] = [
    a_value, the_input, behind_a_view, before_a_view_is_read, a_piece, pieces_of_given_sizes,
    a_transposed_row, a_permuted_part, a_region_of_zeros, behind_dropout_that_is_off, a_copy, a_narrower_type,
]  # fmt: skip


@pytest.mark.parametrize("function", WRITES, ids=lambda function: function.__name__)
def test_the_graph_computes_what_the_module_does(function: Function) -> None:
    module = Writes(function)
    network = StoredNetwork(trace(module, (X,)), module.state_dict())
    with torch.no_grad():
        theirs = module.eval()(X.clone())
        assert torch.allclose(network.eval()(X.clone()), theirs)


def test_an_in_place_operator_is_recorded_as_its_functional_twin() -> None:
    modules = [nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=is_in_place)) for is_in_place in (False, True)]
    plain, in_place = (trace(module, (X,)) for module in modules)
    assert fingerprint(plain) == fingerprint(in_place)


def test_what_is_read_after_a_write_is_what_was_written() -> None:
    graph = trace(Writes(a_value), (X,))
    assert [node.target for node in graph.calls] == [
        "aten.linear.default",
        "aten.relu.default",
        "aten.add.Tensor",
    ]
    assert list(graph[graph.outputs[0]].refs()) == ["relu.0"]


def test_a_sum_in_place_keeps_the_type_of_what_it_writes() -> None:
    class Adds(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.to(torch.bfloat16).add_(x)

    network = StoredNetwork(trace(Adds(), (X,)), {})
    assert torch.equal(network(X), Adds()(X))


def test_the_running_statistics_of_a_module_do_not_hinder_its_proof_in_training() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    graph = trace(module, (X,))
    assert graph.is_alike_in_training
    found = measure_difference(StoredNetwork(graph, module.state_dict()), module, (X,), dtype=torch.float64)
    assert found.in_training == 0
