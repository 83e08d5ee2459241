"""Graphs survive JSON, and nothing else becomes a graph."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from heredity.encoding import Json, decode, encode
from heredity.errors import CorruptData, UnsupportedFormat
from heredity.graph import Argument, Graph, Kind, Node, Ref, graph_from_json

Make = Callable[..., Graph]


def test_a_graph_reads_back_as_it_was(residual: Make) -> None:
    graph = residual(blocks=2)
    assert graph_from_json(decode(encode(graph.to_json()))) == graph


def test_every_field_and_every_kind_of_argument_reads_back() -> None:
    x = Node("x", Kind.INPUT, shape=(), dtype="float32")
    w = Node("w", Kind.PARAMETER, shape=(0, 2), dtype="float32", tensor="a.w")
    c = Node("c", Kind.CONSTANT, shape=(1,), dtype="int64", value_digest="sha256:00")
    arguments: dict[str, Argument] = {
        "a": (Ref("x"), None, True, 2, 0.5, "text"),
        "b": float("inf"),
        "c": -float("inf"),
    }
    call = Node("call", Kind.CALL, "aten.any", arguments, is_random=True)
    output = Node("output", Kind.OUTPUT, arguments={"outputs": (Ref("call"),)})
    graph = Graph((x, w, c, call, output), tied={"b.w": "a.w"}, keywords=("x",), is_alike_in_training=True)
    assert graph_from_json(decode(encode(graph.to_json()))) == graph


@pytest.mark.parametrize(
    "change",
    [
        {"nodes": None},
        {"nodes": [3]},
        {"nodes": [{"name": "x"}]},
        {"nodes": [{"name": "x", "kind": "planet"}]},
        {"nodes": [{"name": "x", "kind": "input", "shape": [-1]}]},
        {"nodes": [{"name": "x", "kind": "input", "shape": [True]}]},
        {"nodes": [{"name": "x", "kind": "input", "arguments": {"a": {"file": "b"}}}]},
        {"nodes": [{"name": "x", "kind": "input"}]},
        {"tied": []},
        {"keywords": "x"},
        {"is_alike_in_training": 1},
        {"format": "1"},
    ],
)
def test_what_is_no_graph_is_refused(residual: Make, change: dict[str, Any]) -> None:
    fields = json.loads(encode(residual().to_json()))
    with pytest.raises(CorruptData):
        graph_from_json(fields | change)


def test_a_graph_of_a_newer_version_is_refused_as_such(residual: Make) -> None:
    fields = json.loads(encode(residual().to_json()))
    with pytest.raises(UnsupportedFormat, match="format 2"):
        graph_from_json(fields | {"format": 2})


@pytest.mark.parametrize(
    "field",
    [
        {"values": ["a"]},
        {"values": {"sha256:00": 1}},
        {"batch": 3},
        {"batch": {"stand_in": 0, "example": 2}},
        {"batch": {"stand_in": 211}},
    ],
)
def test_a_damaged_value_or_batch_is_refused(residual: Callable[..., Graph], field: dict[str, Json]) -> None:
    fields = residual().to_json()
    assert isinstance(fields, dict)
    with pytest.raises(CorruptData):
        graph_from_json(fields | field)


def test_a_graph_without_values_and_batch_has_the_digest_that_it_had(residual: Callable[..., Graph]) -> None:
    fields = residual().to_json()
    assert isinstance(fields, dict)
    assert sorted(fields) == ["format", "is_alike_in_training", "keywords", "nodes", "tied"]
