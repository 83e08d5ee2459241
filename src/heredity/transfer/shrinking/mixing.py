"""Layers that mix what they read by a weight, seen as a matrix times rows: linear ones and convolutions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from heredity.graph import Graph, Node, Ref

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_NUMBERS = 1 << 24
"""How many numbers are unfolded of a convolution's inputs at a time."""


@dataclass(frozen=True, slots=True)
class Mixing:
    """A call that multiplies rows by a weight of the state dict that nobody else reads.

    Attributes:
        node: The call.
        read: The argument that is multiplied.
        weight: The argument that is the weight; the name of its tensor is `weight_tensor`.
        bias: The argument that is the bias.
        out: The axis of the weight along which results lie; the other ones are read.
        weight_tensor: The weight's name in the state dict.
        bias_tensor: The bias' name; empty if there is none.
    """

    node: Node
    read: str
    weight: str
    bias: str
    out: int
    weight_tensor: str
    bias_tensor: str

    @property
    def is_convolution(self) -> bool:
        """Whether it reads patches."""
        return self.node.target.startswith("aten.conv")

    def rows(
        self, arguments: Mapping[str, object], wanted: torch.Tensor
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """What is multiplied, and what is wanted of it, as rows.

        Args:
            arguments: What the operator is called with.
            wanted: What its result should be, along the channels that are asked for.
        """
        given = arguments[self.read]
        assert isinstance(given, torch.Tensor)  # noqa: S101  # a linear layer reads a tensor
        if not self.is_convolution:
            yield given.reshape(-1, given.shape[-1]), wanted.reshape(-1, wanted.shape[-1])
            return
        weight = arguments[self.weight]
        assert isinstance(weight, torch.Tensor)  # noqa: S101  # a convolution has a weight
        patch = weight[0].numel() * wanted[0, 0].numel()
        size = max(1, MOST_NUMBERS // patch)
        for start in range(0, len(given), size):
            patches = _patches(given[start : start + size], weight, arguments)
            yield patches, wanted[start : start + size].flatten(2).mT.flatten(0, 1)

    def matrix(self, weight: torch.Tensor) -> torch.Tensor:
        """The weight as a matrix [out, read]; a view."""
        return weight.movedim(self.out, 0).flatten(1)


def _patches(given: torch.Tensor, weight: torch.Tensor, arguments: Mapping[str, object]) -> torch.Tensor:
    """The patches that a convolution of one or two dimensions reads: [samples times places, entries]."""
    is_flat = weight.dim() == 3
    kernel = _pair(tuple(weight.shape[2:]), beside=1)
    stride, dilation = (
        _pair(arguments[name], beside=1 if is_flat else None) for name in ("stride", "dilation")
    )
    padding = _pair(arguments["padding"], beside=0 if is_flat else None)
    unfolded = functional.unfold(given[..., None] if is_flat else given, kernel, dilation, padding, stride)
    return unfolded.mT.flatten(0, 1)


def _pair(value: object, *, beside: int | None) -> tuple[int, int]:
    """A setting for two dimensions; of a convolution of one, with what stands for the other."""
    numbers = [part for part in value if isinstance(part, int)] if isinstance(value, Iterable) else [value]
    first, last = numbers[0], numbers[-1] if beside is None or len(numbers) > 1 else beside
    assert isinstance(first, int)  # noqa: S101  # the operators take whole numbers
    assert isinstance(last, int)  # noqa: S101
    return first, last


_PLACES = {
    "aten.linear.default": ("input", "weight", "bias", 0),
    "aten.addmm.default": ("mat1", "mat2", "input", 1),
    "aten.conv1d.default": ("input", "weight", "bias", 0),
    "aten.conv2d.default": ("input", "weight", "bias", 0),
}


def mixing_of(graph: Graph, node: Node) -> Mixing | None:
    """A call as a layer that mixes; None if it is none, or if its weight is tied or computed."""
    places = _PLACES.get(node.target)
    if places is None or node.arguments.get("groups", 1) != 1:
        return None
    if node.arguments.get("beta", 1) != 1 or node.arguments.get("alpha", 1) != 1:
        return None
    read, weight, bias, out = places
    weight_tensor = _own_tensor(graph, node, weight)
    if not weight_tensor:
        return None
    return Mixing(node, read, weight, bias, out, weight_tensor, _own_tensor(graph, node, bias))


def _own_tensor(graph: Graph, node: Node, argument: str) -> str:
    ref = node.arguments.get(argument)
    if not isinstance(ref, Ref) or len(graph.users[ref.name]) != 1:
        return ""
    return graph[ref.name].tensor
