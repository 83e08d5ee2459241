"""What cannot be recorded, or not be run again, says what it is and what to do."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
import torch
from torch import nn

from heredity.errors import CorruptData, HeredityError, InputError, UntraceableModule
from heredity.graph import Kind
from heredity.transfer import StoredNetwork, example_inputs_like, trace

X = torch.ones(2, 4)
Function = Callable[["Computes", torch.Tensor], object]


class Computes(nn.Module):
    """A module that computes whatever a function says."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.counter: torch.Tensor
        self.register_buffer("counter", torch.zeros(()))
        self.function = function

    def forward(self, x: torch.Tensor) -> object:
        return self.function(self, x)


def write_into_a_buffer(self: Computes, x: torch.Tensor) -> torch.Tensor:
    return x + self.counter.add_(1)


def write_through_an_expansion(self: Computes, x: torch.Tensor) -> torch.Tensor:
    h = self.layer(x)[:1]
    h.expand(1, 4).relu_()
    result: torch.Tensor = h
    return result


def write_behind_a_piece(_: Computes, x: torch.Tensor) -> torch.Tensor:
    h = x * 2
    piece = h.tensor_split(2)[0]
    h.mul_(3)
    return piece


def write_behind_a_grid(_: Computes, x: torch.Tensor) -> torch.Tensor:
    """What it gives lies in the memory of one of several operands."""
    h = x * 2
    grid = torch.meshgrid(x[0] + 1, h[0], indexing="ij")[1]
    h.mul_(3)
    return grid


def switch_mixed_precision_on(self: Computes, x: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result: torch.Tensor = self.layer(x)
    return result


UNKNOWN_VIEW = (
    "getitem.{} is read after a write into its memory by another name, and how to express that is not known. "
    "Write it without an in-place operator."
)
REFUSED: Mapping[str, Function] = {
    "The module writes into counter in its forward, and its output depends on it. Read the tensor before it "
    "is written, or write it outside of forward.": write_into_a_buffer,
    "The graph writes through aten.expand.default, and how to express that is not known. Write it without an "
    "in-place operator.": write_through_an_expansion,
    UNKNOWN_VIEW.format(0): write_behind_a_piece,
    UNKNOWN_VIEW.format(1): write_behind_a_grid,
    "The graph writes in place by aten.add.out, which has no functional twin.": (
        lambda _, x: torch.add(x, 1, out=torch.empty_like(x))
    ),
    "The module switches on mixed precision on cpu in its forward, which has no form as data yet. Switch it "
    "on around the module, in the training loop.": switch_mixed_precision_on,
    "The graph holds cond, which has no form as data yet.": (
        lambda _, x: torch.cond(x.sum() > 0, torch.sin, torch.cos, (x,))
    ),
    "The graph holds a complex ((1+2j)), which is no plain value.": lambda _, x: x * (1 + 2j),
    "A shape depends on the data: (u0, 2).": lambda _, x: x.nonzero(),
    "The graph calls <built-in function mul>, which has no form as data yet.": (
        lambda _, x: torch.full((3,), x.sum().item() * 2)
    ),
    "The module returns no tensor.": lambda _, x: x.shape[0],
}


def message_of(call: Callable[[], object]) -> tuple[type[HeredityError], str]:
    with pytest.raises(HeredityError) as caught:
        call()
    return caught.type, str(caught.value)


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_recorded_is_said_in_full(message: str) -> None:
    found = message_of(lambda: trace(Computes(REFUSED[message]), (X,)))
    assert found == (UntraceableModule, message)


def test_what_torch_refuses_says_what_remains() -> None:
    _, message = message_of(lambda: trace(Computes(lambda _, x: x if x.sum() > 0 else -x), (X,)))
    assert message.startswith("Computes: torch.export refuses it: ")
    assert message.endswith(
        "Inheriting by the order of the layers remains; a forward without control flow that depends on the "
        "data can be traced."
    )


def test_inputs_by_place_and_by_name_are_not_made() -> None:
    class Both(nn.Module):
        def forward(self, x: torch.Tensor, *, y: torch.Tensor) -> torch.Tensor:
            return x + y

    graph = replace(trace(Both(), {"x": X, "y": X}), keywords=("y",))
    assert message_of(lambda: example_inputs_like(graph)) == (
        UntraceableModule,
        "The graph takes positional and keyword arguments; give the inputs yourself.",
    )


def test_inputs_that_are_passed_otherwise_are_refused() -> None:
    network = StoredNetwork(trace(nn.ReLU(), (X,)), {})
    assert message_of(lambda: network(input=X)) == (
        InputError,
        (
            "The network takes 1 positional inputs and the keywords [], got 0 and ['input']. "
            "Give the inputs as they were given when it was traced."
        ),
    )


class Shifted(nn.Module):
    """Adds a table that is not in the state dict."""

    def __init__(self) -> None:
        super().__init__()
        self.table: torch.Tensor
        self.register_buffer("table", torch.ones(2, 4), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.table


def test_a_constant_that_is_not_what_was_hashed_is_refused() -> None:
    graph = trace(Shifted(), (X,))
    (digest,) = graph.values
    damaged = replace(graph, values={digest: base64.b64encode(bytes(32)).decode()})
    assert message_of(lambda: StoredNetwork(damaged, {})) == (
        CorruptData,
        "b_table: the graph holds another value than was recorded.",
    )


def test_a_constant_of_another_size_is_refused() -> None:
    graph = trace(Shifted(), (X,))
    nodes = tuple(replace(node, shape=(3, 4)) if node.kind is Kind.BUFFER else node for node in graph.nodes)
    assert message_of(lambda: StoredNetwork(replace(graph, nodes=nodes), {})) == (
        CorruptData,
        "b_table: the graph holds 32 bytes, which are no torch.float32 of (3, 4).",
    )


def test_a_missing_tensor_is_named() -> None:
    graph = trace(nn.Linear(4, 4), (X,))
    assert message_of(lambda: StoredNetwork(graph, {"bias": torch.zeros(4)})) == (
        UntraceableModule,
        "p_weight: its value is not among the stored tensors, so the graph cannot be run.",
    )
