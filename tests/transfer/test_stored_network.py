"""A network runs from its graph and its tensors, and says what it lacks."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
import torch
from torch import nn

from heredity.errors import CorruptData, InputError, UntraceableModule
from heredity.graph import Graph, Kind, Node, Ref, graph_from_json
from heredity.transfer import StoredNetwork, trace

X = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))


class Shifted(nn.Module):
    """Adds a table that is not in the state dict."""

    def __init__(self, table: torch.Tensor) -> None:
        super().__init__()
        self.table: torch.Tensor
        self.register_buffer("table", table, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.table.sum(0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool, torch.complex64])
def test_small_constants_are_kept_with_the_graph(dtype: torch.dtype) -> None:
    table = torch.tensor([[1, 0, 2, 5], [3, 1, 0, 7]]).to(dtype)
    graph = graph_from_json(trace(Shifted(table), (X,)).to_json())
    assert torch.equal(StoredNetwork(graph, {})(X), Shifted(table)(X))


def test_equal_constants_are_kept_once() -> None:
    module = nn.Sequential(Shifted(torch.ones(3, 4)), Shifted(torch.ones(3, 4)), Shifted(torch.zeros(3, 4)))
    assert len(trace(module, (X,)).values) == 2


def test_of_large_constants_only_the_hash_is_kept() -> None:
    graph = trace(Shifted(torch.ones(5000, 4)), (X,))
    assert not graph.values
    with pytest.raises(UntraceableModule, match="not among the stored tensors"):
        StoredNetwork(graph, {})


def test_constants_that_nobody_reads_are_not_needed() -> None:
    class Idle(Shifted):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + 1

    assert torch.equal(StoredNetwork(trace(Idle(torch.ones(5000, 4)), (X,)), {})(X), X + 1)


@pytest.mark.parametrize("data", [b"", b"other", bytes(32)])
def test_a_value_that_is_not_what_was_hashed_is_refused(data: bytes) -> None:
    graph = trace(Shifted(torch.ones(2, 4)), (X,))
    (digest,) = graph.values
    damaged = replace(graph, values={digest: base64.b64encode(data).decode()})
    with pytest.raises(CorruptData, match="another value"):
        StoredNetwork(damaged, {})


def test_a_value_of_another_size_is_refused() -> None:
    graph = trace(Shifted(torch.ones(2, 4)), (X,))
    nodes = tuple(replace(node, shape=(3, 4)) if node.kind is Kind.BUFFER else node for node in graph.nodes)
    with pytest.raises(CorruptData, match="32 bytes"):
        StoredNetwork(replace(graph, nodes=nodes), {})


def test_an_empty_constant_has_a_value() -> None:
    graph = trace(Shifted(torch.ones(0, 4)), (X,))
    assert torch.equal(StoredNetwork(graph, {})(X), X)


def test_all_outputs_are_returned() -> None:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"a": x + 1, "b": x * 2}

    a, b = StoredNetwork(trace(Two(), (X,)), {})(X)
    assert torch.equal(a, X + 1)
    assert torch.equal(b, X * 2)


def test_a_missing_tensor_is_named() -> None:
    with pytest.raises(UntraceableModule, match="p_weight"):
        StoredNetwork(trace(nn.Linear(4, 4), (X,)), {"bias": torch.zeros(4)})


def test_inputs_that_are_passed_otherwise_are_refused() -> None:
    network = StoredNetwork(trace(nn.ReLU(), (X,)), {})
    with pytest.raises(InputError, match="takes 1 positional"):
        network(input=X)


def test_inputs_that_do_not_fit_are_refused_with_the_operator() -> None:
    module = nn.Linear(4, 4)
    network = StoredNetwork(trace(module, (X,)), module.state_dict())
    with pytest.raises(UntraceableModule, match=r"linear\.0: aten\.linear\.default cannot be run"):
        network(torch.randn(2, 5))


@pytest.mark.parametrize(
    "target",
    ["aten.from_file.default", "aten.no_such.default", "prims.add.default", "module.Linear", "os.system"],
)
def test_a_graph_may_name_only_operators_that_compute(target: str) -> None:
    nodes = (
        Node("x", Kind.INPUT, shape=(2, 4), dtype="float32"),
        Node("call", Kind.CALL, target, {"input": Ref("x")}),
        Node("output", Kind.OUTPUT, arguments={"outputs": (Ref("call"),)}),
    )
    with pytest.raises(UntraceableModule, match="no operator that a graph may name"):
        StoredNetwork(Graph(nodes), {})


def test_numbers_that_the_graph_makes_follow_the_network_to_float64() -> None:
    class Makes(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.matmul(x.float(), torch.ones(4, 4)) + torch.rand(4).to(torch.float32).mul(0)

    found = StoredNetwork(trace(Makes(), (X,)), {})(X.double())
    assert found.dtype == torch.float64
