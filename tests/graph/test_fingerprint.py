"""Fingerprints name networks by what they compute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from heredity.graph import (
    Argument,
    Graph,
    Kind,
    Node,
    Ref,
    fingerprint,
    node_fingerprints,
    outline_and_layers,
    signature,
)

Make = Callable[..., Graph]


def test_the_names_of_modules_do_not_count(residual: Make) -> None:
    assert fingerprint(residual()) == fingerprint(residual("encoder."))


def test_widths_count_or_not_as_one_likes(residual: Make) -> None:
    narrow, wide = residual(width=4), residual(width=8)
    assert fingerprint(narrow) != fingerprint(wide)
    assert fingerprint(narrow, with_widths=False) == fingerprint(wide, with_widths=False)


def test_depth_counts_always(residual: Make) -> None:
    shallow, deep = residual(blocks=1), residual(blocks=2)
    assert fingerprint(shallow, with_widths=False) != fingerprint(deep, with_widths=False)


def test_networks_that_begin_alike_share_the_names_of_what_they_share(residual: Make) -> None:
    shallow, deep = node_fingerprints(residual(blocks=1)), node_fingerprints(residual(blocks=2))
    assert shallow["relu0"] == deep["relu0"]
    assert shallow["output"] != deep["output"]


def test_a_tied_tensor_is_not_two_equal_ones(residual: Make) -> None:
    graph = residual()
    tied = [
        replace(node, arguments={**node.arguments, "weight": Ref("w1")}) if node.name == "linear.2" else node
        for node in graph.nodes
    ]
    assert fingerprint(graph) != fingerprint(replace(graph, nodes=tuple(tied)))


def test_the_order_of_operands_counts() -> None:
    inputs = [Node(name, Kind.INPUT, shape=(2,), dtype="float32") for name in ("a", "b")]

    def difference(first: str, second: str) -> Graph:
        arguments: dict[str, Argument] = {"input": Ref(first), "other": Ref(second), "alpha": 1}
        call = Node("sub", Kind.CALL, "aten.sub.Tensor", arguments, shape=(2,), dtype="float32")
        return Graph((*inputs, call, Node("output", Kind.OUTPUT, arguments={"outputs": (Ref("sub"),)})))

    assert fingerprint(difference("a", "b")) != fingerprint(difference("b", "a"))


def test_a_signature_knows_the_kernel_and_the_grouping_but_no_width() -> None:
    def conv(num_out: int, num_in: int, kernel: int, groups: int) -> str:
        x = Node("x", Kind.INPUT, shape=(1, num_in * groups, 8, 8), dtype="float32")
        w = Node("w", Kind.PARAMETER, shape=(num_out, num_in, kernel, kernel), dtype="float32", tensor="w")
        arguments: dict[str, Argument] = {
            "input": Ref("x"),
            "weight": Ref("w"),
            "bias": None,
            "stride": (1, 1),
            "groups": groups,
        }
        call = Node(
            "c", Kind.CALL, "aten.conv2d.default", arguments, shape=(1, num_out, 8, 8), dtype="float32"
        )
        output = Node("output", Kind.OUTPUT, arguments={"outputs": (Ref("c"),)})
        return signature(Graph((x, w, call, output)), call)

    assert conv(4, 4, 3, 1) == conv(8, 6, 3, 1)
    assert conv(4, 1, 3, 4) == conv(8, 1, 3, 8)
    assert len({conv(4, 4, 3, 1), conv(4, 4, 5, 1), conv(4, 1, 3, 4), conv(4, 2, 3, 2)}) == 4


def test_layers_are_named_by_all_that_comes_before_them(residual: Make) -> None:
    shallow, deep = outline_and_layers(residual(blocks=1)), outline_and_layers(residual(blocks=2))
    assert [len(layers) for _, layers in (shallow, deep)] == [3, 5]
    assert deep[1][:3] == shallow[1]
    assert deep[0] != shallow[0]
    assert all(len(name) == 16 for name in (shallow[0], *shallow[1]))


def test_an_outline_knows_no_widths_and_a_layer_does(residual: Make) -> None:
    narrow, wide = outline_and_layers(residual(width=4)), outline_and_layers(residual(width=8))
    assert narrow[0] == wide[0]
    assert not set(narrow[1]) & set(wide[1])


def viewed(rows: int, *, head: int = 4) -> Graph:
    x = Node("x", Kind.INPUT, shape=(rows, 8), dtype="float32")
    w = Node("w", Kind.PARAMETER, shape=(8, head), dtype="float32", tensor="w")
    size: tuple[Argument, ...] = (rows * 8 // head, head)
    view = Node("v", Kind.CALL, "aten.view.default", {"self": Ref("x"), "size": size}, shape=(), dtype="")
    call = Node(
        "c", Kind.CALL, "aten.linear.default", {"input": Ref("v"), "weight": Ref("w")}, shape=(), dtype=""
    )
    return Graph((x, w, view, call, Node("output", Kind.OUTPUT, arguments={"outputs": (Ref("c"),)})))


def test_how_many_rows_a_network_was_traced_with_names_no_layer() -> None:
    assert outline_and_layers(viewed(2))[1] == outline_and_layers(viewed(5))[1]


def test_the_last_length_of_a_view_does() -> None:
    assert outline_and_layers(viewed(2, head=4))[1] != outline_and_layers(viewed(2, head=2))[1]
