"""From a value back to the operator whose tensors can multiply it, or make it zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from heredity.graph import Graph, Ref
from heredity.graph.tokens import passes_through
from heredity.transfer.operators.registry import rule_of
from heredity.transfer.operators.rules.movement import bounds, permutation
from heredity.transfer.operators.rules.pieces import sizes_of
from heredity.transfer.operators.rules.regroup import groups_of
from heredity.transfer.operators.tensor_view import tensor_view
from heredity.transfer.passes.zeroing import zeroing

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from heredity.graph import Node

    Mask = NDArray[np.bool_]
    Masks = list[Mask]
    """For each axis of a value, which of its entries are meant."""

# Operators whose tensors can produce a factor, and the operand that says so.
_PRODUCERS = {
    "aten.linear.default": "weight",
    "aten.addmm.default": "mat2",
    "aten.layer_norm.default": "weight",
    "aten.rms_norm.default": "weight",
    "aten.conv1d.default": "weight",
    "aten.conv2d.default": "weight",
    "aten.conv3d.default": "weight",
    "aten.embedding.default": "weight",
    "aten.index.Tensor": "input",
}
# Operators that only multiply all of their result.
_WHOLE = frozenset({"aten.layer_norm.default", "aten.rms_norm.default", "aten.mul.Tensor"})

# A factor of the first operand that depends on a parameter is one of the result; shapes are alike.
_PASSING = frozenset(
    f"aten.{name}"
    for name in (
        *(
            "neg.default",
            "to.dtype",
            "contiguous.default",
            "clone.default",
            "dropout.default",
            "relu.default",
            "pow.Tensor_Scalar",
        ),
        *("add.Tensor", "sub.Tensor", "mul.Tensor", "mul.Scalar", "div.Tensor", "div.Scalar"),
    )
)
# What is zero only if both operands are.
_SUMS = frozenset({"aten.add.Tensor", "aten.sub.Tensor"})
# The same, but which entries is lost on the way.
_MIXING = frozenset(
    f"aten.{name}"
    for name in (
        *("expand.default", "cat.default", "mean.dim", "sum.dim_IntList", "stack.default", "matmul.default"),
        *("adaptive_avg_pool2d.default", "avg_pool2d.default", "repeat.default"),
        *("einsum.default", "bmm.default", "baddbmm.default", "mm.default"),
    )
)


def producer_of(child: Graph, name: str) -> tuple[str, Mask, float] | None:
    """The nearest operator before a value that can multiply it by setting a tensor that only it reads.

    Args:
        child: The child's graph.
        name: The value's node.

    Returns:
        The operator, which entries of its result's last axis are the value's (queries may be one part of
        what one layer produces), and of which power of it the value is a multiple; None if there is none.
    """
    node: Node | None = child[name]
    masks = _all(child[name])
    power = 1.0
    while node is not None:
        is_whole = all(mask.all() for mask in masks)
        if _can_produce(child, node, is_squared=power != 1) and (is_whole or node.target not in _WHOLE):
            is_last_only = all(mask.all() for mask in masks[:-1])
            return (node.name, masks[-1], power) if is_last_only and masks else None
        step = _step_back(child, node, masks)
        if step is None:
            return None
        power *= _exponent(node)
        node, masks = step
    return None


def _exponent(node: Node) -> float:
    exponent = node.arguments.get("exponent") if node.target == "aten.pow.Tensor_Scalar" else 1.0
    return float(exponent) if isinstance(exponent, int | float) and exponent > 0 else 1.0


def zeroable_before(child: Graph, name: str) -> frozenset[str]:
    """The nearest operators at or before a value that can make it zero; none if some part of it cannot be."""
    node = child[name]
    while not node.is_stored:
        if zeroing(child, node):
            return frozenset({node.name})
        operands = list(node.refs())
        if node.target in _SUMS and len(operands) == 2:
            parts = [zeroable_before(child, operand) for operand in operands]
            return frozenset().union(*parts) if all(parts) else frozenset()
        before = passes_through(child, node.name)
        rule = rule_of(node.target)
        passes = before is not None or (rule is not None and (rule.keeps_zero or "mul" in node.target))
        if not passes or not operands:
            return frozenset()
        node = child[operands[0]]
    return frozenset()


def _all(node: Node) -> Masks:
    return [np.ones(size, dtype=bool) for size in node.shape or ()]


def _step_back(child: Graph, node: Node, masks: Masks) -> tuple[Node, Masks] | None:
    before = _followed(child, node)
    if before is None:
        return None
    move = _MOVES.get(node.target)
    if move is not None:
        moved = move(child, node, before, masks)
        return None if moved is None else moved
    is_plain_head = node.target == "aten.linear.default" and node.arguments.get("bias") is None
    if node.target in _MIXING or is_plain_head:
        return (before, _all(before)) if all(mask.all() for mask in masks) else None
    if node.target in _PASSING and before.shape == node.shape:
        return before, masks
    return None


def _can_produce(child: Graph, node: Node, *, is_squared: bool) -> bool:
    """Whether a tensor that only this operator reads can take the factor.

    A table that a head reads too is multiplied for the sake of a norm's epsilon only: the head comes after
    another norm.
    """
    names = [_PRODUCERS[node.target]] if node.target in _PRODUCERS else []
    names += ["input", "other"] if node.target == "aten.mul.Tensor" else []
    for name in names:
        ref = node.arguments.get(name)
        is_table = is_squared and node.target == "aten.embedding.default"
        is_free = isinstance(ref, Ref) and (is_table or _is_read_once(child, ref.name))
        if isinstance(ref, Ref) and tensor_view(child, ref.name) and is_free:
            return True
    return False


def _is_read_once(child: Graph, name: str) -> bool:
    node = child[name]
    while not node.is_stored:
        if len(child.users[node.name]) != 1:
            return False
        operand = node.arguments.get("input")
        if not isinstance(operand, Ref):
            return False
        node = child[operand.name]
    return len(child.users[node.name]) == 1


def _followed(child: Graph, node: Node) -> Node | None:
    """The operand that a factor comes in by: the first that depends on a parameter and is none."""
    for name in node.refs():
        if tensor_view(child, name) is None and _depends_on_parameter(child, name):
            return child[name]
    return None


def _depends_on_parameter(child: Graph, name: str) -> bool:
    waiting, seen = [name], {name}
    while waiting:
        node = child[waiting.pop()]
        if node.is_stored:
            return True
        new = set(node.refs()) - seen
        seen |= new
        waiting += new
    return False


def _regrouped(child: Graph, node: Node, before: Node, masks: Masks) -> tuple[Node, Masks] | None:
    del child
    ours, theirs = node.shape or (), before.shape or ()
    found = _all(before)
    for after, axes in groups_of([(n, n) for n in ours], [(n, n) for n in theirs]):
        joined = np.ones(1, dtype=bool)
        for axis in after:
            joined = (joined[:, None] & masks[axis][None, :]).reshape(-1)
        wide = [axis for axis in axes if theirs[axis] != 1]
        if len(wide) == 1:
            found[wide[0]] = joined
        elif not joined.all():
            return None
    return before, found


def _permuted(child: Graph, node: Node, before: Node, masks: Masks) -> tuple[Node, Masks] | None:
    del child
    found = _all(before)
    for after, axis in enumerate(permutation(node.target, dict(node.arguments), len(masks))):
        found[axis] = masks[after]
    return before, found


def _selected(child: Graph, node: Node, before: Node, masks: Masks) -> tuple[Node, Masks] | None:
    del child
    dim, index = node.arguments.get("dim"), node.arguments.get("index")
    if not isinstance(dim, int) or not isinstance(index, int):
        return None
    rank = len(before.shape or ())
    chosen = np.zeros((before.shape or ())[dim % rank], dtype=bool)
    chosen[index] = True
    found = list(masks)
    found.insert(dim % rank, chosen)
    return before, found


def _sliced(child: Graph, node: Node, before: Node, masks: Masks) -> tuple[Node, Masks] | None:
    del child
    dim = node.arguments.get("dim", 0)
    shape = before.shape or ()
    if not isinstance(dim, int):
        return None
    chosen = np.zeros(shape[dim % len(shape)], dtype=bool)
    chosen[slice(*bounds(dict(node.arguments), len(chosen)))] = masks[dim]
    found = list(masks)
    found[dim] = chosen
    return before, found


def _taken(child: Graph, node: Node, before: Node, masks: Masks) -> tuple[Node, Masks] | None:
    """An item of a split is a range of what is split, or one entry of an axis."""
    index, operand = node.arguments.get("index"), before.arguments.get("input")
    dim = before.arguments.get("dim", 0)
    if not isinstance(operand, Ref) or not isinstance(index, int) or not isinstance(dim, int):
        return None
    whole = child[operand.name]
    shape = whole.shape or ()
    chosen = np.zeros(shape[dim], dtype=bool)
    found = list(masks)
    if before.target == "aten.unbind.int":
        chosen[index] = True
        found.insert(dim % len(shape), chosen)
        return whole, found
    sizes = sizes_of(before, shape[dim])
    start = sum(sizes[:index])
    chosen[start : start + sizes[index]] = masks[dim]
    found[dim] = chosen
    return whole, found


_MOVES: dict[str, Callable[[Graph, Node, Node, Masks], tuple[Node, Masks] | None]] = {
    **dict.fromkeys(
        (
            f"aten.{name}"
            for name in (
                *("view.default", "reshape.default", "_unsafe_view.default", "flatten.using_ints"),
                *("unflatten.int", "unsqueeze.default", "squeeze.default", "squeeze.dim", "squeeze.dims"),
            )
        ),
        _regrouped,
    ),
    **dict.fromkeys(("aten.permute.default", "aten.transpose.int", "aten.t.default"), _permuted),
    "aten.select.int": _selected,
    "aten.slice.Tensor": _sliced,
    "getitem": _taken,
}
