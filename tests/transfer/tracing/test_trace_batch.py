"""Graphs are the same whatever the size of the batch, where the network is."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from heredity.graph import alike_in_batch, fingerprint, graph_from_json, with_batch
from heredity.testing.generators import demo_network
from heredity.transfer import StoredNetwork, example_inputs_like, trace


class Tokens(nn.Module):
    """Prepends a learned token, as vision transformers do, and merges the batch with the sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, 4))
        self.layer = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1)
        return torch.as_tensor(self.layer(h.view(-1, 4)).view(h.shape))


class Halves(nn.Module):
    """Does something that does not grow with the batch as the batch does."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x[: x.shape[0] // 2])


@given(st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=10, deadline=None)
def test_the_size_of_the_batch_makes_no_difference(one: int, other: int) -> None:
    module = Tokens()
    graphs = [trace(module, (torch.randn(size, 3, 4),)) for size in (one, other)]
    assert fingerprint(graphs[0]) == fingerprint(graphs[1])
    network = StoredNetwork(graphs[0], module.state_dict())
    x = torch.randn(other, 3, 4)
    assert torch.equal(network(x), module(x))


def test_the_size_of_the_batch_is_remembered() -> None:
    graph = trace(demo_network(width=4, depth=1), (torch.randn(3, 1, 8, 8),))
    (made,) = example_inputs_like(graph)
    assert isinstance(made, torch.Tensor)
    assert made.shape == (3, 1, 8, 8)
    assert graph_from_json(graph.to_json()) == graph


def test_a_graph_can_be_fixed_at_a_size() -> None:
    graph = with_batch(trace(Tokens(), (torch.randn(2, 3, 4),)), 5)
    assert graph.batch is None
    assert graph.inputs[0].shape == (5, 3, 4)
    assert graph["expand.0"].arguments["size"] == (5, -1, -1)


def test_sizes_that_do_not_grow_with_the_batch_are_kept_as_they_are() -> None:
    graph = trace(Halves(), (torch.randn(4, 4),))
    assert graph.batch is None
    assert graph["slice.0"].arguments["end"] == 2


def test_inputs_without_a_batch_are_taken_as_they_are() -> None:
    assert trace(nn.Linear(4, 4), (torch.randn(4),)).inputs[0].shape == (4,)


@pytest.mark.parametrize("is_batch_first", [False, True])
def test_the_time_of_a_recurrent_layer_is_no_batch(is_batch_first: bool) -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.GRU(4, 4, batch_first=is_batch_first)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.as_tensor(self.layer(x)[0])

    graph = trace(Recurrent(), (torch.randn(2, 3, 4),))
    assert (graph.batch is not None) == is_batch_first


def test_a_graph_of_one_size_is_compared_at_that_size() -> None:
    graph = trace(Tokens(), (torch.randn(2, 3, 4),))
    fixed = with_batch(graph, 7)
    assert alike_in_batch(fixed, graph) == (fixed, fixed)
    assert alike_in_batch(graph, graph) == (graph, graph)


def test_a_size_that_the_first_prime_divides_gets_another_one() -> None:
    graph = trace(nn.Linear(211, 4), (torch.randn(2, 211),))
    assert graph.batch is not None
    assert graph.batch.stand_in != 211
    fixed, same = alike_in_batch(graph, trace(nn.Linear(4, 4), (torch.randn(2, 4),)))
    assert fixed.inputs[0].shape == (2, 211)
    assert same.inputs[0].shape == (2, 4)
