"""From the relations around an operator to the maps of its tensors: W' = E W D, with D E = 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heredity.graph import Ref
from heredity.transfer.operators.relation import JUNK, MEAN, ZERO, AxisRelation, Unproven, identity
from heredity.transfer.operators.tensor_view import tensor_view
from heredity.transfer.plans.plan import FRESH_ENTRY, MEAN_ENTRY, ZERO_ENTRY, AxisMap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heredity.graph import Graph, Node
    from heredity.transfer.operators.relation import Indices, Scales

_REAL = ("float", "bfloat", "complex")


@dataclass(frozen=True, slots=True)
class Assignment:
    """A child's tensor as a rule solves it.

    Attributes:
        tensor: Its name in the state dict.
        source: The parent's tensor; empty for a constant or an identity.
        axes: The map of each axis; of the first two for an identity.
        value: The constant; or the number that both networks add to the tensor before they use it.
        reads: The axis along which the tensor reads what may be copies, so that noise can part them; None if
            there is none.
    """

    tensor: str
    source: str
    axes: tuple[AxisMap, ...] = ()
    value: float = 0.0
    reads: int | None = None


def rows(relation: AxisRelation, *, zero: int = ZERO_ENTRY, is_read_whole: bool = False) -> AxisMap:
    """How a producer's rows follow from the relation that its result is to have: W' = E W.

    Args:
        relation: The result's relation along the axis.
        zero: What to put where the result is to be zero.
        is_read_whole: Each copy is read with its full weight, so that its gradient is no share.
    """
    g = relation.g
    sources = np.where(g == JUNK, FRESH_ENTRY, np.where(g == ZERO, zero, np.where(g == MEAN, MEAN_ENTRY, g)))
    has_factor = relation.is_used | (g == MEAN)
    shares = np.ones(len(g)) if is_read_whole else _shares(relation)
    return axis_map(sources, np.where(has_factor, relation.s, 1.0), np.where(relation.is_used, shares, 0.0))


def columns(relation: AxisRelation) -> AxisMap:
    """How a consumer's columns follow from the relation of what it reads: W' = W D.

    Copies share the parent's weight equally. Nothing may come from junk or from means, so those columns are
    zero; zero may be read with any weight, so those stay fresh.
    """
    g = relation.g
    sources = np.where((g == JUNK) | (g == MEAN), ZERO_ENTRY, np.where(g == ZERO, FRESH_ENTRY, g))
    return axis_map(
        sources, np.where(relation.is_used, _shares(relation), 1.0), np.where(relation.is_used, relation.s, 0)
    )


def whole(size: int) -> AxisMap:
    """The map of an axis that stays as it is."""
    return rows(identity(size))


def centred(num_child: int, num_parent: int) -> AxisMap:
    """The map of a kernel's axis that grows by zeros on both sides alike."""
    before = (num_child - num_parent) // 2
    places = np.arange(num_child) - before
    sources = np.where((places >= 0) & (places < num_parent), places, ZERO_ENTRY)
    return axis_map(sources, np.ones(num_child), np.where(sources >= 0, 1.0, 0.0))


def axis_map(sources: Indices, scales: Scales, gradient_scales: Scales) -> AxisMap:
    """A map; factors that are all 1 (for entries from the parent) are left out."""
    is_plain = bool((gradient_scales[sources >= 0] == 1).all())
    return AxisMap(
        tuple(sources.tolist()),
        _listed(scales),
        None if is_plain else _listed(gradient_scales),
    )


def _listed(factors: NDArray[np.float64]) -> tuple[float, ...] | None:
    return None if bool((factors == 1).all()) else tuple(factors.tolist())


def _shares(relation: AxisRelation) -> Scales:
    """D: with which factor a consumer reads each entry, so that all entries of a parent's add up to it."""
    if not relation.num_parent:
        return np.ones(len(relation))
    count = np.where(relation.is_used, relation.counts[np.maximum(relation.g, 0)], 1)
    return np.asarray(1.0 / (count * relation.s), dtype=np.float64)


def check_maps(name: str, ours: Node, theirs: Node, axes: tuple[AxisMap, ...]) -> None:
    """Check that a tensor can be solved by maps for the axes of both networks' tensors.

    Raises:
        Unproven: It does not have these shapes, or does not hold the kind of numbers.
    """
    child_shape, parent_shape = ours.shape or (), theirs.shape or ()
    fits = len(axes) == len(child_shape) == len(parent_shape) and all(
        len(axis.sources) == m and max(axis.sources, default=-1) < n
        for axis, m, n in zip(axes, child_shape, parent_shape, strict=True)
    )
    is_real = ours.dtype.startswith(_REAL), theirs.dtype.startswith(_REAL)
    if not fits or is_real[0] != is_real[1] or (not is_real[0] and ours.dtype != theirs.dtype):
        raise Unproven(f"{name} is {child_shape} {ours.dtype}, in the parent {parent_shape} {theirs.dtype}")
    if not is_real[0] and any(axis.scales is not None or MEAN_ENTRY in axis.sources for axis in axes):
        raise Unproven(f"{name} holds whole numbers, which take no factors")


def constant(child: Graph, node: Node, name: str, value: float) -> Assignment:
    """The assignment of one value to a tensor operand of a node of the child.

    Raises:
        Unproven: It is not a tensor of the state dict.
    """
    ref = node.arguments.get(name)
    view = tensor_view(child, ref.name) if isinstance(ref, Ref) else None
    if view is None:
        raise Unproven(f"{name} is not a tensor of the state dict but computed")
    if view.length is not None and value:
        raise Unproven(f"{name} is a direction times a length")
    return Assignment((view.length or view.node).tensor, "", value=value - view.added)
