"""Sizes that follow the batch, and those that do not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from heredity.graph import Argument, Batch, Graph, Kind, Node, Ref, alike_in_batch, fingerprint, with_batch
from heredity.graph.batch_sizes import resized

BATCH = Batch(stand_in=211, example=3)


def network(rows: int, batch: Batch | None = None) -> Graph:
    """Merges the batch with an axis of five."""
    view: dict[str, Argument] = {"input": Ref("x"), "size": (rows * 5, 7)}
    nodes = (
        Node("x", Kind.INPUT, shape=(rows, 5, 7), dtype="float32"),
        Node("view.0", Kind.CALL, "aten.view.default", view, shape=(rows * 5, 7), dtype="float32"),
        Node("output", Kind.OUTPUT, arguments={"outputs": (Ref("view.0"),)}),
    )
    return Graph(nodes, batch=batch)


@given(st.integers(1, 300))
def test_a_graph_at_a_size_is_what_would_have_been_recorded_there(rows: int) -> None:
    assert with_batch(network(211, BATCH), rows) == network(rows)


def test_the_inputs_have_the_size_of_the_example() -> None:
    assert network(211, BATCH).inputs[0].shape == (3, 5, 7)
    assert network(4).inputs[0].shape == (4, 5, 7)


def test_flags_references_and_other_sizes_stay() -> None:
    value = (True, None, 0, 210, 211, -211, 2.11, "211", Ref("x"), (422,))
    assert resized(value, BATCH, 5) == (True, None, 0, 210, 5, -5, 2.11, "211", Ref("x"), (10,))


def test_a_fixed_graph_stays_as_it_is() -> None:
    fixed = network(4)
    assert with_batch(fixed, 9) is fixed
    assert alike_in_batch(fixed, network(9)) == (fixed, network(9))


def test_graphs_are_compared_at_one_size() -> None:
    free, other = network(211, BATCH), network(193, Batch(stand_in=193, example=8))
    same = replace(free, batch=Batch(stand_in=211, example=8))
    assert alike_in_batch(free, same) == (free, same)
    for pair in (alike_in_batch(free, other), alike_in_batch(other, free), alike_in_batch(network(4), free)):
        assert fingerprint(pair[0]) == fingerprint(pair[1])
