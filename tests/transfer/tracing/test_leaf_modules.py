"""Where no graph can be recorded, the order of the modules can; nothing is proven over it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from heredity.errors import UntraceableModule
from heredity.graph import Kind, graph_from_json
from heredity.transfer import plan_transfer, trace, trace_leaf_modules

X = torch.randn(2, 4)


class Branching(nn.Module):
    """Its control flow depends on the data; its layers run in another order than they are registered in."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.last = nn.Linear(width, 3)
        self.idle = nn.Linear(4, 4)
        self.first = nn.Linear(4, width)
        self.norm = nn.BatchNorm1d(width)
        self.scale = nn.Parameter(torch.ones(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.sum() > 1e9:
            raise ValueError("too large")
        return torch.as_tensor(self.last(self.norm(self.first(x * self.scale))))


def test_modules_are_recorded_in_the_order_of_their_calls() -> None:
    module = Branching()
    with pytest.raises(UntraceableModule):
        trace(module, (X,))
    graph = trace_leaf_modules(module, (X,))
    assert [(node.name, node.target) for node in graph.calls] == [
        ("module.", "module.Branching"),
        ("module.first", "module.Linear"),
        ("module.norm", "module.BatchNorm1d"),
        ("module.last", "module.Linear"),
        ("module.idle", "module.Linear"),
        ("forward", "module.forward"),
    ]
    assert set(graph.tensors) == set(module.state_dict())
    assert graph["forward"].arguments["failure"] == ""
    assert graph_from_json(graph.to_json()) == graph


def test_the_module_is_left_as_it_was() -> None:
    module = Branching()
    module.norm.eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    state = torch.get_rng_state()
    trace_leaf_modules(module, (X,))
    assert module.training
    assert not module.norm.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert not module.first._forward_pre_hooks


def test_a_module_that_cannot_run_is_recorded_as_it_is_registered() -> None:
    graph = trace_leaf_modules(Branching(), {"x": torch.full((2, 4), 1e9)})
    assert [node.name for node in graph.calls][1:4] == ["module.last", "module.idle", "module.first"]
    assert graph["forward"].arguments["failure"] == "ValueError: too large"
    assert graph.keywords == ("x",)


def test_tied_tensors_are_recorded_once() -> None:
    module = nn.Sequential(nn.Embedding(4, 4), nn.Linear(4, 4, bias=False))
    module[1].weight = module[0].weight
    graph = trace_leaf_modules(module, (torch.zeros(2, dtype=torch.int64),))
    assert graph.tied == {"1.weight": "0.weight"}
    assert len(graph.of_kind(Kind.PARAMETER)) == 1


def test_nothing_is_proven_over_modules_of_unknown_connection() -> None:
    graph = trace_leaf_modules(Branching(), (X,))
    certificate = plan_transfer(graph, graph).certificate
    assert not certificate.is_exact
    assert not certificate.is_exact_in_training
