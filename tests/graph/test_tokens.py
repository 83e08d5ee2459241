"""Networks are cut where everything flows through one tensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from heredity.graph import Argument, Graph, Kind, Node, Ref, Token, cut_into_tokens, origin
from heredity.graph.tokens import dynamic_nodes, passes_through

Make = Callable[..., Graph]


def test_a_residual_branch_is_one_token(residual: Make) -> None:
    tokens = cut_into_tokens(residual())
    assert tokens == (
        Token(("linear.0",), ""),
        Token(("relu",), "linear.0"),
        Token(("linear.1", "a0", "linear.2", "add0"), "relu"),
        Token(("relu0",), "add0"),
    )


def test_each_further_block_adds_its_tokens(residual: Make) -> None:
    assert len(cut_into_tokens(residual(blocks=3))) == 2 + 2 * 3


def test_dropout_that_is_switched_off_is_looked_through(residual: Make) -> None:
    graph = _with_dropout(residual(), train=False)
    assert passes_through(graph, "dropout") == "relu"
    assert origin(graph, "dropout") == "relu"
    assert "dropout" not in dynamic_nodes(graph)


def test_dropout_that_is_always_on_is_an_operator(residual: Make) -> None:
    graph = _with_dropout(residual(), train=True)
    assert origin(graph, "dropout") == "dropout"
    assert "dropout" in dynamic_nodes(graph)


def test_what_depends_on_no_input_is_not_cut(residual: Make) -> None:
    graph = residual()
    scale = Node("scaled", Kind.CALL, "aten.neg.default", {"input": Ref("w0")}, shape=(4, 3), dtype="float32")
    assert "scaled" not in dynamic_nodes(replace(graph, nodes=(*graph.nodes[:-1], scale, graph.nodes[-1])))


def _with_dropout(graph: Graph, *, train: bool) -> Graph:
    arguments: dict[str, Argument] = {"input": Ref("relu"), "p": 0.5, "train": train}
    dropout = Node("dropout", Kind.CALL, "aten.dropout.default", arguments, shape=(2, 4), dtype="float32")
    return replace(graph, nodes=(*graph.nodes[:-1], dropout, graph.nodes[-1]))
