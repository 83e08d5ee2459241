"""Graphs as data: what they refuse, and what they tell."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from heredity.errors import InputError
from heredity.graph import Graph, InputSpec, Kind, Node, Ref

Make = Callable[..., Graph]

X = Node("x", Kind.INPUT, shape=(2, 3), dtype="float32")
OUTPUT = Node("output", Kind.OUTPUT, arguments={"outputs": (Ref("x"),)})


def test_a_graph_tells_its_inputs_outputs_and_tensors(residual: Make) -> None:
    graph = residual()
    assert graph.inputs == (InputSpec("x", (2, 3), "float32", is_keyword=False),)
    assert graph.outputs == ("relu0",)
    assert list(graph.tensors) == ["0.weight", "1.weight", "2.weight"]
    assert "relu0" in graph


def test_a_graph_knows_who_reads_a_node(residual: Make) -> None:
    assert residual().users["relu"] == ("linear.1", "add0")


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ((), "last node"),
        ((X,), "last node"),
        ((X, X, OUTPUT), "two nodes are named 'x'"),
        ((Node("early", Kind.OUTPUT), X, OUTPUT), "second output"),
        ((OUTPUT,), "reads 'x'"),
    ],
)
def test_nodes_that_make_no_graph_are_refused(nodes: tuple[Node, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Graph(nodes)


def test_a_tensor_has_one_node() -> None:
    twins = [Node(name, Kind.PARAMETER, shape=(1,), dtype="float32", tensor="w") for name in ("a", "b")]
    with pytest.raises(InputError, match="one tensor"):
        Graph((X, *twins, OUTPUT))


def test_a_tied_name_stands_for_a_tensor_of_the_graph() -> None:
    with pytest.raises(InputError, match="'w'"):
        Graph((X, OUTPUT), tied={"alias": "w"})


def test_equal_graphs_have_equal_digests(residual: Make) -> None:
    assert residual().digest() == residual().digest()
    assert residual().digest() != residual("other.").digest()
    assert residual().digest().startswith("sha256:")
