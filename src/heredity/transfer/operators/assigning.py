"""From the maps of a weight, as an operator reads it, to those of the tensors that it is made of.

A weight may be a view of a tensor, or a direction times a length (weight normalization: Salimans and Kingma,
2016, arXiv:1602.07868): w_i = g_i v_i / |v_i|, for the slices i along one axis, mostly the rows. Where the
entries of v are shared among copies so that each of the parent's squares arrives c times, |v_i| becomes
sqrt(c) times the parent's, and so has g_i to.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from heredity.transfer.operators.maps import Assignment, axis_map, check_maps, whole
from heredity.transfer.operators.relation import Unproven, is_close
from heredity.transfer.plans.plan import FRESH_ENTRY, MEAN_ENTRY, ZERO_ENTRY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heredity.transfer.operators.relation import Scales
    from heredity.transfer.operators.tensor_view import TensorView
    from heredity.transfer.plans.plan import AxisMap

    Views = tuple[TensorView | None, TensorView | None]


def assigned(
    name: str, views: Views, axes: tuple[AxisMap, ...], reads: int | None
) -> tuple[list[Assignment], str]:
    """The assignments of the tensors of an operand, and what is not proven of them; empty if all is.

    Args:
        name: The operand.
        views: What it is in the child and in the parent.
        axes: One map for each axis, as the operator reads it.
        reads: The axis along which it reads what may be copies.

    Raises:
        Unproven: It is no tensor of the state dict, or does not have the shape that the maps are for.
    """
    ours, theirs = views
    if ours is None or theirs is None:
        raise Unproven(f"{name} is not a tensor of the state dict but computed")
    is_alike = (ours.length is None) == (theirs.length is None) and ours.length_axis == theirs.length_axis
    if ours.axes != theirs.axes or len(axes) != len(ours.axes) or not is_alike or ours.added != theirs.added:
        raise Unproven(f"{name} is another view of {ours.node.tensor} than in the parent")
    put_in = [given for axis, given in zip(ours.axes, axes, strict=True) if axis is None]
    if not all(given.is_identity_of(1) for given in put_in):
        raise Unproven(f"{name} would have to change along an axis that {ours.node.tensor} does not have")
    maps = tuple(each if each is not None else whole(1) for each in ours.stored(axes))
    check_maps(name, ours.node, theirs.node, maps)
    if ours.length is not None and theirs.length is not None:
        return _with_length(ours, theirs, maps)
    axis = None if reads is None else ours.axes[reads]
    return [Assignment(ours.node.tensor, theirs.node.tensor, maps, value=ours.added, reads=axis)], ""


def _with_length(
    ours: TensorView, theirs: TensorView, maps: Sequence[AxisMap]
) -> tuple[list[Assignment], str]:
    assert ours.length is not None and theirs.length is not None  # noqa: S101, PT018  # the caller has looked
    sizes, along = theirs.node.shape or (), ours.length_axis
    squares = [_squares(axis, n) for i, (axis, n) in enumerate(zip(maps, sizes, strict=True)) if i != along]
    is_even = all(len(each) > 0 and is_close(each, float(each[0])) and each[0] > 0 for each in squares)
    is_known = is_even and not any(MEAN_ENTRY in axis.sources for axis in maps)
    growth = math.sqrt(math.prod(float(each[0]) for each in squares)) if is_even else 1.0
    direction = [_along(axis) if i == along else _across(axis) for i, axis in enumerate(maps)]
    length = [_lengths(axis, growth) if i == along else whole(1) for i, axis in enumerate(maps)]
    check_maps("the length", ours.length, theirs.length, tuple(length))
    found = [
        Assignment(ours.node.tensor, theirs.node.tensor, tuple(direction)),
        Assignment(ours.length.tensor, theirs.length.tensor, tuple(length)),
    ]
    problem = f"the slices of {ours.node.tensor} would get other lengths each by its own"
    return found, "" if is_known else problem


def _numbers(axis: AxisMap) -> tuple[Scales, Scales, Scales]:
    ones = np.ones(len(axis.sources))
    scales = ones if axis.scales is None else np.asarray(axis.scales)
    gradient = ones if axis.gradient_scales is None else np.asarray(axis.gradient_scales)
    return np.asarray(axis.sources), scales, gradient


def _squares(axis: AxisMap, size: int) -> Scales:
    """How often the square of each of the parent's entries arrives; shape (size,)."""
    sources, scales, _ = _numbers(axis)
    used = sources >= 0
    found = np.bincount(sources[used].astype(np.int64), weights=scales[used] ** 2, minlength=size)
    return found.astype(np.float64)


def _along(axis: AxisMap) -> AxisMap:
    """Directions take no factor; a direction that is zero has no length."""
    sources, scales, gradient = _numbers(axis)
    return axis_map(np.where(sources >= 0, sources, FRESH_ENTRY), np.ones(len(sources)), scales * gradient)


def _across(axis: AxisMap) -> AxisMap:
    """What is free would count to the length, so that it is zero: what reads zeros, and new rows too."""
    sources, scales, gradient = _numbers(axis)
    return axis_map(np.where(sources >= 0, sources, ZERO_ENTRY), scales, gradient)


def _lengths(axis: AxisMap, growth: float) -> AxisMap:
    sources, scales, gradient = _numbers(axis)
    used = sources >= 0
    return axis_map(
        np.where(sources == MEAN_ENTRY, FRESH_ENTRY, sources),
        np.where(used, scales * growth, 1.0),
        gradient / growth,
    )
