from __future__ import annotations

from collections.abc import Callable

import pytest

from heredity.graph import Graph, Kind, Node, Ref


@pytest.fixture(name="residual")
def make_residual() -> Callable[..., Graph]:
    """Makes ``h = relu(linear(x))`` and blocks ``relu(h + linear(relu(linear(h))))`` behind it."""

    def make(prefix: str = "", *, width: int = 4, blocks: int = 1) -> Graph:
        nodes = [Node("x", Kind.INPUT, shape=(2, 3), dtype="float32")]
        count = iter(range(1000))

        def linear(operand: str, num_in: int, num_out: int) -> str:
            n = next(count)
            nodes.append(_tensor(f"w{n}", (num_out, num_in), f"{prefix}{n}.weight"))
            arguments = {"input": Ref(operand), "weight": Ref(f"w{n}"), "bias": None}
            return call("aten.linear.default", f"linear.{n}", num_out, **arguments)

        def call(target: str, name: str, size: int, **arguments: Ref | int | None) -> str:
            nodes.append(Node(name, Kind.CALL, target, arguments, shape=(2, size), dtype="float32"))
            return name

        h = call("aten.relu.default", "relu", width, input=Ref(linear("x", 3, width)))
        for block in range(blocks):
            inner = call("aten.relu.default", f"a{block}", width, input=Ref(linear(h, width, width)))
            total = call(
                "aten.add.Tensor",
                f"add{block}",
                width,
                input=Ref(h),
                other=Ref(linear(inner, width, width)),
                alpha=1,
            )
            h = call("aten.relu.default", f"relu{block}", width, input=Ref(total))
        nodes.append(Node("output", Kind.OUTPUT, arguments={"outputs": (Ref(h),)}))
        return Graph(tuple(nodes))

    return make


def _tensor(name: str, shape: tuple[int, ...], tensor: str) -> Node:
    return Node(name, Kind.PARAMETER, shape=shape, dtype="float32", tensor=tensor)
