"""Tensors of the state dict seen through operators that only move entries: a weight transposed, say."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from heredity.graph import Graph, Node, Ref
from heredity.graph.tokens import passes_through

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

_COPIES = frozenset(
    f"aten.{name}"
    for name in ("clone.default", "contiguous.default", "alias.default", "detach.default", "to.dtype")
)


@dataclass(frozen=True, slots=True)
class TensorView:
    """A stored tensor as an operator reads it.

    Attributes:
        node: The node of the tensor itself.
        axes: For each axis of the view, the tensor's axis; None for an axis of one entry that was put in.
        length: The node of the slices' lengths, if the tensor says their directions only.
        length_axis: The tensor's axis along which there is one length for each entry.
        added: A number that is added to all entries, as to the factors of a norm that are kept as ``w - 1``.
    """

    node: Node
    axes: tuple[int | None, ...]
    length: Node | None = None
    length_axis: int = 0
    added: float = 0.0

    def stored(self, given: Sequence[T]) -> list[T | None]:
        """What is given for each axis of the view, for each axis of the tensor; None for a dropped axis."""
        found: list[T | None] = [None] * len(self.node.shape or ())
        for axis, value in zip(self.axes, given, strict=True):
            if axis is not None:
                found[axis] = value
        return found


def tensor_view(graph: Graph, name: str) -> TensorView | None:
    """The stored tensor that a value is a view of; None if it is something else."""
    node = graph[name]
    if node.is_stored:
        return TensorView(node, tuple(range(len(node.shape or ()))))
    if node.target == "aten._weight_norm.default":
        return _normed(graph, node)
    if node.target in {"aten.add.Tensor", "aten.add.Scalar"}:
        return _shifted(graph, node)
    before = passes_through(graph, name)
    return tensor_view(graph, before) if before is not None else _moved(graph, node)


def _moved(graph: Graph, node: Node) -> TensorView | None:
    """A view of a view."""
    operand = node.arguments.get("input")
    step = _STEPS.get(node.target)
    if step is None or not isinstance(operand, Ref) or node.shape is None:
        return None
    below = tensor_view(graph, operand.name)
    axes = None if below is None else step(node, graph[operand.name].shape or ())
    if below is None or axes is None:
        return None
    seen = tuple(None if axis is None else below.axes[axis] for axis in axes)
    return replace(below, axes=seen)


def _shifted(graph: Graph, node: Node) -> TensorView | None:
    """A tensor and a number, which is the same for all entries."""
    operand, number = node.arguments.get("input"), node.arguments.get("other")
    if not isinstance(operand, Ref) or not isinstance(number, int | float):
        return None
    below = tensor_view(graph, operand.name)
    is_plain = node.arguments.get("alpha", 1) == 1 and node.dtype.startswith(("float", "bfloat"))
    if below is None or below.length is not None or not is_plain or not math.isfinite(number):
        return None
    return replace(below, added=below.added + number)


def _normed(graph: Graph, node: Node) -> TensorView | None:
    """A direction times a length, for each entry of one axis."""
    direction, length, dim = (node.arguments.get(name) for name in ("v", "g", "dim"))
    rank = len(node.shape or ())
    if not isinstance(direction, Ref) or not isinstance(length, Ref) or not isinstance(dim, int):
        return None
    nodes = graph[direction.name], graph[length.name]
    if not all(each.is_stored for each in nodes) or not -rank <= dim < rank:
        return None
    return TensorView(nodes[0], tuple(range(rank)), nodes[1], dim % rank)


def _same(node: Node, shape: tuple[int, ...]) -> list[int | None] | None:
    if node.target == "aten.to.dtype" and not node.dtype.startswith(("float", "bfloat", "complex")):
        return None  # whole numbers are cut off: another tensor
    return list(range(len(shape))) if node.shape == shape else None


def _swapped(node: Node, shape: tuple[int, ...]) -> list[int | None] | None:
    rank = len(shape)
    axes: list[int | None] = list(range(rank))
    one, other = node.arguments.get("dim0", 0), node.arguments.get("dim1", 1)
    if rank < 2 or not isinstance(one, int) or not isinstance(other, int):
        return axes if rank < 2 else None
    axes[one % rank], axes[other % rank] = other % rank, one % rank
    return axes


def _reversed(node: Node, shape: tuple[int, ...]) -> list[int | None] | None:
    axes: list[int | None] = list(range(len(shape)))
    return axes[::-1] if node.shape == shape[::-1] else None


def _permuted(node: Node, shape: tuple[int, ...]) -> list[int | None] | None:
    dims = node.arguments.get("dims")
    if not isinstance(dims, tuple):
        return None
    return [dim % len(shape) for dim in dims if isinstance(dim, int)]


def _reshaped(node: Node, shape: tuple[int, ...]) -> list[int | None] | None:
    """Only axes of one entry come and go; all others stay, in order."""
    wide = [axis for axis, size in enumerate(shape) if size != 1]
    after = node.shape or ()
    if [shape[axis] for axis in wide] != [size for size in after if size != 1]:
        return None
    if len(after) == len(shape) and after == shape:
        return list(range(len(shape)))
    left = iter(wide)
    return [next(left) if size != 1 else None for size in after]


_STEPS: dict[str, Callable[[Node, tuple[int, ...]], list[int | None] | None]] = {
    **dict.fromkeys(_COPIES, _same),
    "aten.t.default": _swapped,
    "aten.numpy_T.default": _reversed,
    "aten.transpose.int": _swapped,
    "aten.permute.default": _permuted,
    "aten.view.default": _reshaped,
    "aten.reshape.default": _reshaped,
    "aten.unsqueeze.default": _reshaped,
    "aten.squeeze.dim": _reshaped,
    "aten.squeeze.dims": _reshaped,
}
