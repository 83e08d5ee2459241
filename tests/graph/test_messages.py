"""What is no graph is refused with the place, what was expected and what was found there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from heredity.encoding import encode
from heredity.errors import CorruptData, InputError, UnsupportedFormat
from heredity.graph import Graph, Kind, Node, Ref, graph_from_json

X = Node("x", Kind.INPUT, shape=(), dtype="float32")
W = Node("w", Kind.PARAMETER, shape=(1,), dtype="float32", tensor="a.w")
OUTPUT = Node("output", Kind.OUTPUT, arguments={"outputs": (Ref("x"),)})


def node(**changes: object) -> dict[str, object]:
    """A graph's fields with one node."""
    return {"nodes": [{"name": "x", "kind": "input", **changes}]}


DAMAGE: Mapping[str, Mapping[str, Any]] = {
    "graph.format: expected an integer, got '1'.": {"format": "1"},
    "graph.nodes: expected a list, got None.": {"nodes": None},
    "graph.nodes[0]: expected an object, got 3.": {"nodes": [3]},
    "graph.nodes[0].kind: expected a text, got None.": {"nodes": [{"name": "x"}]},
    "graph.nodes[0].kind: 'planet' is not a kind of node.": node(kind="planet"),
    "graph.nodes[0].shape: a size is negative.": node(shape=[-1]),
    "graph.nodes[0].shape: expected an integer, got True.": node(shape=[True]),
    "graph.nodes[0].a: expected a value or a reference, got {'file': 'b'}.": node(
        arguments={"a": {"file": "b"}}
    ),
    "graph.nodes[0].is_random: expected true or false, got 0.": node(is_random=0),
    "graph.is_alike_in_training: expected true or false, got 1.": {"is_alike_in_training": 1},
    "graph.keywords: expected a list, got 'x'.": {"keywords": "x"},
    "graph.dropout_rates: expected a number, got '0.1'.": {"dropout_rates": ["0.1"]},
    "graph.batch: a size is not positive.": {"batch": {"stand_in": 0, "example": 2}},
    "Graph: the last node has to be the output.": node(),
}


@pytest.mark.parametrize("message", DAMAGE)
def test_a_damaged_graph_is_refused_by_what_is_wrong(residual: Callable[..., Graph], message: str) -> None:
    fields = json.loads(encode(residual().to_json()))
    with pytest.raises(CorruptData) as caught:
        graph_from_json({**fields, **DAMAGE[message]})
    assert str(caught.value) == message


def test_a_newer_graph_asks_for_a_newer_version(residual: Callable[..., Graph]) -> None:
    fields = json.loads(encode(residual().to_json()))
    with pytest.raises(UnsupportedFormat) as caught:
        graph_from_json(fields | {"format": 99})
    assert caught.value.message.startswith("Graph: format 99, this version reads up to ")
    assert caught.value.hint == "Update heredity to read it."


@pytest.mark.parametrize(
    ("nodes", "tied", "message"),
    [
        ((X,), {}, "Graph: the last node has to be the output."),
        ((X, X, OUTPUT), {}, "Graph: two nodes are named 'x'."),
        ((Node("early", Kind.OUTPUT), X, OUTPUT), {}, "Graph: 'early' is a second output node."),
        ((OUTPUT,), {}, "Graph: 'output' reads 'x', which does not come before it."),
        ((X, OUTPUT), {"alias": "w"}, "Graph: no node stands for the tied tensor 'w'."),
        (
            (X, W, Node("v", Kind.PARAMETER, shape=(1,), dtype="float32", tensor="a.w"), OUTPUT),
            {},
            "Graph: two nodes stand for one tensor of the state dict.",
        ),
    ],
)
def test_nodes_that_are_no_graph_are_refused_by_name(
    nodes: tuple[Node, ...], tied: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        Graph(nodes, tied=tied)
    assert str(caught.value) == message
