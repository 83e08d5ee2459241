"""Fingerprints name networks by what they compute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from heredity.graph import Argument, Graph, Kind, Node, Ref, fingerprint, node_fingerprints, signature

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
