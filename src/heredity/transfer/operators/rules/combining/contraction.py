"""The proof for sums of products: attention by hand, einsum, experts in one tensor, bilinear layers.

Along an axis that is summed over, each of the parent's entries has to arrive equally often, and what is new
has to meet zero. A tensor of the state dict is solved so that it does: W' = E W D, as in a linear layer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heredity.transfer.operators.call import Call, Demand
from heredity.transfer.operators.maps import axis_map, columns, rows
from heredity.transfer.operators.relation import (
    JUNK,
    MEAN,
    ZERO,
    AxisRelation,
    Unproven,
    is_close,
    snapped,
    total_factor,
)
from heredity.transfer.operators.rules.affine import read_by, relation_of, require_all_read
from heredity.transfer.operators.rules.entrywise.agreement import is_broadcast
from heredity.transfer.operators.tensor_view import tensor_view
from heredity.transfer.plans.plan import FRESH_ENTRY, ZERO_ENTRY, AxisMap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heredity.transfer.operators.rules.combining.labels import Labels, Product
    from heredity.transfer.operators.tensor_view import TensorView

Axes = tuple[AxisRelation, ...]


@dataclass(frozen=True, slots=True)
class Met:
    """What meets along an axis, of all operands that are activations.

    Attributes:
        axis: The product's relation along it.
        hiders: Which operands are zero where another one is not known.
    """

    axis: AxisRelation
    hiders: frozenset[int]


def multiplied(axes: Sequence[tuple[int, AxisRelation]], size: int) -> Met:
    """The relation of a product along one axis: zero times anything is zero, else all are the same entry.

    Args:
        axes: The number of each operand, and its relation along the axis.
        size: The axis' length in the child.

    Raises:
        Unproven: The axes do not fit.
    """
    if len(axes) == 1:
        return Met(axes[0][1], frozenset())
    wide = [axis for _, axis in axes if not is_broadcast(axis, size)]
    if any((len(axis), axis.num_parent) != (len(wide[0]), wide[0].num_parent) for axis in wide):
        raise Unproven("axes of a product do not fit")
    plain = [(number, _spread(axis.without_means(), wide[0], size)) for number, axis in axes]
    g = np.stack([axis.g for _, axis in plain])
    is_zero, is_junk = (g == ZERO).any(0), (g == JUNK).any(0)
    is_same = (g == g[0]).all(0) & (g[0] >= 0)
    hiders = frozenset(number for number, axis in plain if ((axis.g == ZERO) & is_junk).any())
    found = np.where(is_zero, ZERO, np.where(is_same, g[0], JUNK))
    s = snapped(np.prod([axis.s for _, axis in plain], axis=0))
    return Met(AxisRelation(found, np.where(found >= 0, s, 1.0), wide[0].num_parent), hiders)


def _spread(axis: AxisRelation, wide: AxisRelation, size: int) -> AxisRelation:
    """One entry that meets all of them, as if it stood beside each."""
    if not is_broadcast(axis, size):
        return axis
    if axis.g[0] == 0:
        entries = wide.without_means()
        g = np.where(entries.g >= 0, entries.g, _free_entry(entries))
        return AxisRelation(g, np.full(len(g), axis.s[0]), wide.num_parent)
    return AxisRelation(np.full(size, axis.g[0]), np.ones(size), wide.num_parent)


def _free_entry(axis: AxisRelation) -> int:
    """What the one entry counts as where the other side has none of the parent's: any of them."""
    return 0 if axis.num_parent else JUNK


def times_met(weights: AxisRelation) -> float:
    """The factor K of a sum over an axis of products; NaN if entries are new, or arrive unequally often."""
    if weights.has(JUNK, MEAN) or not weights.is_used.any():
        return math.nan
    used = weights.is_used
    found = np.bincount(weights.g[used], weights=weights.s[used], minlength=weights.num_parent).astype(float)
    return float(found[0]) if is_close(found, found[0]) and found[0] != 0 else math.nan


def relate_product(call: Call, ours: Product, theirs: Product, known: Sequence[Axes | None]) -> Axes:
    """The relation of a sum of products; the operand that is a tensor to be solved is solved.

    Args:
        call: The operator.
        ours: The child's product.
        theirs: The parent's.
        known: The relations of the operands; None for the one that is to be solved.

    Raises:
        Unproven: The two products are not the same, or do not fit.
    """
    if (ours.labels, ours.result) != (theirs.labels, theirs.result):
        raise Unproven("another product is taken")
    met = _met(ours, known)
    _require_no_hiding(met)
    weight = next((number for number, axes in enumerate(known) if axes is None), None)
    factor = 1.0
    result: dict[str, AxisRelation] = {}
    if weight is not None:
        result = _solved(call, ours, weight, met)
    for label, each in met.items():
        is_in_weight = weight is not None and label in ours.labels[weight]
        if label in ours.result and not is_in_weight:
            result[label] = each.axis
        elif label not in ours.result and not is_in_weight:
            factor *= times_met(each.axis)
    if math.isnan(factor):
        raise Unproven("the axes that are summed over do not fit")
    axes = _with_factor([result[label] for label in ours.result], factor, call)
    _wish_of_tables(call, ours, axes)
    return axes


def _wish_of_tables(call: Call, product: Product, axes: Axes) -> None:
    """A matrix that is looked up reads with the factors that it was made with: it should make up for them."""
    tables = [each.name for each in product.operands if each.target == "aten.index.Tensor"]
    if tables:
        wanted, found = total_factor(call.proposal()), total_factor(axes)
        if wanted > 0 and found > 0 and not is_close(wanted, found):
            call.demands.append(Demand(tables[0], wanted / found))


def _met(product: Product, known: Sequence[Axes | None]) -> dict[str, Met]:
    found: dict[str, list[tuple[int, AxisRelation]]] = {}
    for number, (labels, axes) in enumerate(zip(product.labels, known, strict=True)):
        for label, axis in zip(labels, axes or (), strict=axes is not None):
            found.setdefault(label, []).append((number, axis))
    return {label: multiplied(axes, product.size(label)) for label, axes in found.items()}


def _require_no_hiding(met: dict[str, Met]) -> None:
    """Zero of one operand may hide what is not known of another; not both of each other.

    Along two axes at once, the first could be unknown where it should be zero, and so could the other.
    """
    if len(frozenset().union(*(each.hiders for each in met.values()))) > 1:
        raise Unproven("what is new in one operand meets zero in the other, and the other way round")


def _with_factor(axes: list[AxisRelation], factor: float, call: Call) -> Axes:
    if is_close(factor, 1.0):
        return tuple(axes)
    call.require(bool(axes), f"the sum is {factor:g} times the parent's")
    return (*axes[:-1], axes[-1].times(factor)) if axes else ()


def _solved(call: Call, product: Product, weight: int, met: dict[str, Met]) -> dict[str, AxisRelation]:
    """Solve a tensor; return the relations of those of the result's axes that it has."""
    labels = product.labels[weight]
    if any(label not in product.result and label not in met for label in labels):
        raise Unproven("an axis of a tensor is summed over by itself")
    for label in labels:
        if label not in product.result:
            require_all_read(call, met[label].axis)
    known = call.solved(product.names[weight])
    if known is not None:
        return _checked(call, product, labels, known, met)
    made = _made(call, product, labels, met)
    summed = [i for i, label in enumerate(labels) if label not in product.result]
    maps = [
        _read(met[label].axis, is_alone=len(summed) == 1)
        if label not in product.result
        else rows(made[label].unscaled() if label in met else made[label])
        for label in labels
    ]
    reads = _read_by_copies(tensor_view(call.known.child, product.operands[weight].name), maps, summed)
    call.assign(product.names[weight], *maps, reads=reads)
    return made


def _read_by_copies(view: TensorView | None, maps: Sequence[AxisMap], summed: Sequence[int]) -> int | None:
    """The axis along which noise may part copies: of those summed over, the one with most of them."""
    if view is None or len(view.node.shape or ()) < 2:
        return None
    able = [i for i in summed if view.axes[i] is not None]
    return max(able, key=lambda i: _num_copies(maps[i])) if able else None


def _num_copies(axis: AxisMap) -> int:
    sources = [source for source in axis.sources if source >= 0]
    return len(sources) - len(set(sources))


def _made(call: Call, product: Product, labels: Labels, met: dict[str, Met]) -> dict[str, AxisRelation]:
    """The result's axes that the tensor has: by itself, as proposed; or shared, as the operands are."""
    found: dict[str, AxisRelation] = {}
    free = [label for label in labels if label in product.result and label not in met]
    for label in labels:
        place = product.result.index(label) if label in product.result else 0
        if label in met and label in product.result:
            found[label] = met[label].axis.without_means().with_zero_as_junk()
        elif label in free:
            found[label] = call.produced(place) if label == free[-1] else call.proposal()[place]
    return found


def _read(axis: AxisRelation, *, is_alone: bool) -> AxisMap:
    """Columns; of several axes that are summed over, none may hold fresh numbers where another is junk."""
    read = columns(axis)
    if is_alone:
        return read
    sources = np.asarray(read.sources)
    sources = np.where(sources == FRESH_ENTRY, ZERO_ENTRY, sources)
    ones = np.ones(len(sources))
    return axis_map(
        sources,
        ones if read.scales is None else np.asarray(read.scales),
        ones if read.gradient_scales is None else np.asarray(read.gradient_scales),
    )


def _checked(
    call: Call, product: Product, labels: Labels, known: Sequence[AxisMap], met: dict[str, Met]
) -> dict[str, AxisRelation]:
    """A tied tensor reads as it was solved to read elsewhere; that has to be right here too."""
    found: dict[str, AxisRelation] = {}
    factor = 1.0
    for label, axis in zip(labels, known, strict=True):
        if label not in product.result:
            factor *= read_by(axis, met[label].axis)
        elif label in met:
            shared = met[label].axis
            own = relation_of(axis, shared.num_parent)
            call.require(bool((own.g == shared.g).all() and (own.s == 1).all()), "a tied tensor does not fit")
            found[label] = shared.without_means().with_zero_as_junk()
        else:
            found[label] = relation_of(axis, _num_parent(call, product.result.index(label)))
    summed = [axis for label, axis in zip(labels, known, strict=True) if label not in product.result]
    # Fresh along one axis, and zero along another, is fresh: there may be junk to meet.
    is_free = len(summed) > 1 and any(FRESH_ENTRY in axis.sources for axis in summed)
    call.require(not math.isnan(factor) and not is_free, "a tied tensor is read where it does not fit")
    if found and not math.isnan(factor) and factor != 1:
        last = next(reversed(found))
        found[last] = found[last].times(factor)
    elif factor != 1:
        call.require(condition=False, reason="a tied tensor is read with a factor")
    return found


def _num_parent(call: Call, axis: int) -> int:
    return (call.partner.shape or ())[axis]
