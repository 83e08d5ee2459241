"""A network run from its graph, without its code."""

from __future__ import annotations

import pytest
import torch

from heredity.errors import UntraceableModule
from heredity.graph import Graph, Kind, Node, Ref
from heredity.testing.generators import demo_network, disturbed
from heredity.transfer import StoredNetwork, measure_difference, trace


@pytest.mark.parametrize("batch", [4, 9])
def test_a_stored_network_computes_what_the_module_computes(images: torch.Tensor, batch: int) -> None:
    module = disturbed(demo_network(width=8, depth=2))
    network = StoredNetwork(trace(module, (images[:4],)), module.state_dict())
    difference = measure_difference(module, network, (images[:batch],), dtype=torch.float64)
    assert difference.in_eval == 0.0
    assert difference.in_training == 0.0


def test_running_a_stored_network_changes_no_stored_value(images: torch.Tensor) -> None:
    module = disturbed(demo_network(width=8, depth=1))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    network = StoredNetwork(trace(module, (images,)), module.state_dict())
    measure_difference(module, network, (images,), dtype=torch.float32)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_a_value_that_is_not_stored_is_named(images: torch.Tensor) -> None:
    graph = trace(demo_network(width=8, depth=1), (images,))
    with pytest.raises(UntraceableModule, match="not among the stored tensors"):
        StoredNetwork(graph, {})


@pytest.mark.parametrize(
    "target", ["aten.from_file.default", "prim.print.default", "aten.no_such_operator.default", "os.system"]
)
def test_a_graph_may_name_nothing_but_operators_that_compute(target: str) -> None:
    graph = Graph(
        nodes=(
            Node("x", Kind.INPUT, shape=(1,), dtype="float32"),
            Node("y", Kind.CALL, target, {"input": Ref("x")}, shape=(1,), dtype="float32"),
            Node("output", Kind.OUTPUT, arguments={"outputs": (Ref("y"),)}),
        )
    )
    with pytest.raises(UntraceableModule, match="no operator that a graph may name"):
        StoredNetwork(graph, {})


def test_an_operator_that_cannot_run_is_named() -> None:
    graph = Graph(
        nodes=(
            Node("x", Kind.INPUT, shape=(2, 2), dtype="float32"),
            Node("y", Kind.CALL, "aten.view.default", {"input": Ref("x"), "size": (3,)}, shape=(3,)),
            Node("output", Kind.OUTPUT, arguments={"outputs": (Ref("y"),)}),
        )
    )
    with pytest.raises(UntraceableModule, match=r"y: aten.view.default cannot be run from the graph"):
        StoredNetwork(graph, {})(torch.zeros(2, 2))
