"""Rules for layers that multiply by a matrix of their own: W' = E_out W D_in, b' = E_out b.

E makes the child's entries of the parent's, D E = 1 (Net2Net: Chen et al., 2016, arXiv:1511.05641; network
morphism: Wei et al., 2016, arXiv:1603.01670).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from heredity.transfer.operators.axes import RESULT, NodeAxes
from heredity.transfer.operators.call import Call, InsertedCall
from heredity.transfer.operators.maps import columns, rows
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import (
    JUNK,
    MEAN,
    ZERO,
    AxisRelation,
    Related,
    Unproven,
    Value,
    is_close,
    with_factor_on,
)
from heredity.transfer.plans.plan import FRESH_ENTRY, MEAN_ENTRY, ZERO_ENTRY

if TYPE_CHECKING:
    from heredity.transfer.plans.plan import AxisMap


def assign_bias(call: Call, out: AxisRelation, name: str = "bias") -> None:
    """Solve a bias: b' = E_out b."""
    ours, theirs = call.has(name)
    call.require(ours or not theirs, f"the parent has a {name} here, the child has none")
    if ours and theirs:
        call.assign(name, rows(out))
    elif ours:
        call.assign_constant(name, 0.0)


def require_all_read(call: Call, axis: AxisRelation) -> None:
    """Require that every entry of the parent's axis is there to be read."""
    lost = int((axis.counts == 0).sum())
    call.require(lost == 0, f"{lost} of {axis.num_parent} entries of the parent's axis are left out")


def contraction(a: AxisRelation, b: AxisRelation) -> float:
    """The factor K with which a sum over products of entries is K times the parent's; NaN if there is none.

    Where one side is zero the other may be anything finite; else both have to be the same parent entry.
    """
    is_zero = (a.g == ZERO) | (b.g == ZERO)
    is_same = (a.g == b.g) & (a.g >= 0)
    if a.num_parent != b.num_parent or not (is_zero | is_same).all() or not is_same.any():
        return math.nan
    weights = np.bincount(a.g[is_same], weights=(a.s * b.s)[is_same], minlength=a.num_parent)
    return float(weights[0]) if is_close(weights, weights[0]) and weights[0] else math.nan


def read_by(tensor: AxisMap, axis: AxisRelation) -> float:
    """The factor with which columns that are solved already read an axis; NaN if they do so wrongly."""
    sources = np.asarray(tensor.sources)
    scales = np.ones(len(sources)) if tensor.scales is None else np.asarray(tensor.scales)
    g = np.where(sources == ZERO_ENTRY, ZERO, np.where(sources == FRESH_ENTRY, JUNK, sources))
    g = np.where(sources == MEAN_ENTRY, JUNK, g)
    return contraction(AxisRelation(g, scales, axis.num_parent), axis)


def relation_of(tensor: AxisMap, num_parent: int) -> AxisRelation:
    """How the rows of a tensor that is solved already relate to the parent's."""
    sources = np.asarray(tensor.sources)
    kinds = {FRESH_ENTRY: JUNK, ZERO_ENTRY: ZERO, MEAN_ENTRY: MEAN}
    g = sources.copy()
    for entry, kind in kinds.items():
        g = np.where(sources == entry, kind, g)
    scales = np.ones(len(g)) if tensor.scales is None else np.asarray(tensor.scales)
    return AxisRelation(g, np.where((g == JUNK) | (g == ZERO), 1.0, scales), num_parent)


def _structure_linear(axes: NodeAxes) -> None:
    _structure_matrix(axes, "input", "weight", out=0, read=1)
    axes.tie("bias", 0, RESULT, -1)


def _structure_matrix(axes: NodeAxes, operand: str, weight: str, *, out: int, read: int) -> None:
    axes.tie(weight, out, RESULT, -1)
    axes.tie(weight, read, operand, -1)
    for axis in range(2, axes.rank(RESULT) + 1):
        axes.tie(operand, -axis, RESULT, -axis)


def _relate_linear(call: Call) -> tuple[AxisRelation, ...]:
    """Input ...I, weight OI, result ...O: only the last axis is contracted, all others pass."""
    others, out = _matrix(call, "input", "weight", out=0, read=1)
    return _with_bias(call, others, out, "bias")


def _relate_addmm(call: Call) -> tuple[AxisRelation, ...]:
    """Bias O (called input), mat1 BI, mat2 IO: a linear layer with its weight transposed."""
    call.require_same("alpha", "beta")
    call.require(call.argument("beta") == 1, "the bias is multiplied")
    others, out = _matrix(call, "mat1", "mat2", out=1, read=0)
    return _with_bias(call, others, out, "input")


def _structure_addmm(axes: NodeAxes) -> None:
    _structure_matrix(axes, "mat1", "mat2", out=1, read=0)
    axes.tie("input", -1, RESULT, -1)


def _matrix(
    call: Call, operand: str, weight: str, *, out: int, read: int
) -> tuple[list[AxisRelation], AxisRelation]:
    """Solve a weight of two axes; return the other axes' relations and that of what it produces."""
    ours, theirs = call.shapes(weight)
    if not call.is_tensor(weight) or len(ours) != 2 or len(theirs) != 2:
        raise Unproven(f"{weight} is not a matrix of the state dict but computed")
    *others, last = with_factor_on(call.operand(operand), -1)
    known = call.solved(weight)
    if known is None:
        require_all_read(call, last)
        produced = call.produced(-1)
        maps = {out: rows(produced), read: columns(last)}
        call.assign(weight, maps[0], maps[1], reads=read)
        return others, produced
    factor = read_by(known[read], last)
    call.require(not math.isnan(factor), "a tied tensor is read where it does not fit")
    return others, relation_of(known[out], theirs[out]).times(1.0 if math.isnan(factor) else factor)


def _with_bias(
    call: Call, others: list[AxisRelation], out: AxisRelation, bias: str
) -> tuple[AxisRelation, ...]:
    assign_bias(call, out, bias)
    if call.has(bias)[0]:
        # Where the input is zero along another axis, the result is the bias, which the parent does not have
        # there.
        others = [axis.with_zero_as_junk() for axis in others]
        call.require(all(axis.factor == 1 for axis in others), "a bias is added to scaled entries")
    return (*others, out)


def identity_along(call: InsertedCall, axis: int) -> tuple[Related, AxisRelation]:
    """Solve the weight of an inserted layer so that it hands on what it reads, along one axis of its input.

    Raises:
        Unproven: What comes in is not known, or the layer should not be one that changes nothing.
    """
    value = call.operand("input")
    if not call.is_identity or not isinstance(value, Related) or value.taint:
        raise Unproven(f"a new {call.node.target} changes what comes in")
    read = value.axes[axis]
    place = call.node.name, axis % len(call.node.shape or ())
    num_child = (call.node.shape or ())[axis]
    out = call.known.maps.of(place, num_parent=read.num_parent, num_child=num_child)
    if num_child == len(read) and not out.is_identity:
        out = read.without_means()
    lost = out.is_used & ~np.isin(out.g, read.g)
    if lost.any() or out.has(MEAN):
        raise Unproven(f"a new {call.node.target} cannot hand on all that comes in")
    call.assign_identity("weight", rows(out), columns(read))
    call.assign_constant("bias", 0.0)
    return value, out


def _insert_linear(call: InsertedCall) -> Value:
    """A new linear layer between two others starts as the identity."""
    value, out = identity_along(call, -1)
    return Related(value.parent, (*value.axes[:-1], out), value.taint, value.training_taint)


register(
    "aten.linear.default",
    rule=OperatorRule(_structure_linear, _relate_linear, _insert_linear, zeroed_by=("weight", "bias")),
)
register(
    "aten.addmm.default",
    rule=OperatorRule(_structure_addmm, _relate_addmm, zeroed_by=("mat2", "input")),
)
