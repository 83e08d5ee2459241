"""Rules for attention as one operator.

Shapes: B batch, H heads, T places of the query, S of the key, D width of a head.
"""

from __future__ import annotations

import math

from heredity.transfer.operators.atoms import Use
from heredity.transfer.operators.axes import RESULT, NodeAxes
from heredity.transfer.operators.call import Call
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import (
    JUNK,
    AxisRelation,
    Unproven,
    identity,
    is_close,
    with_factor_on,
)
from heredity.transfer.operators.rules.affine import contraction

Axes = tuple[AxisRelation, ...]


def _structure_sdpa(axes: NodeAxes) -> None:
    rank = axes.rank("query")
    axes.mark("query", -1, Use.SUMMED)
    axes.mark("key", -1, Use.SUMMED_WITH)
    axes.tie("value", -1, RESULT, -1)
    axes.tie("query", -2, RESULT, -2)
    axes.tie("key", -2, "value", -2)
    for axis in range(rank - 2):
        axes.tie("key", axis, "value", axis)
        axes.tie("query", axis, RESULT, axis)
        for operand in ("key", "attn_mask"):
            axes.tie("query", axis, operand, axis - rank)


def _scale(call: Call, *, in_parent: bool) -> float:
    node, shape = (
        (call.partner, call.shapes("query")[1]) if in_parent else (call.node, call.shapes("query")[0])
    )
    scale = node.arguments.get("scale")
    return float(scale) if isinstance(scale, int | float) else 1 / math.sqrt(shape[-1])


def _relate_sdpa(call: Call) -> Axes:
    """softmax(q k^T scale + mask) v: heads pass, scores have to stay, values pass.

    The sum over the width of a head is K times the parent's where each entry arrives equally often; with the
    scales, it has to be 1 (Shen et al., 2022, arXiv:2203.06211).
    """
    call.require_same("is_causal", "enable_gqa", "dropout_p")
    query, key, value = (list(call.operand(name)) for name in ("query", "key", "value"))
    query, key, value = (with_factor_on(each, -1) for each in (query, key, value))
    rank = len(query)
    sizes = {len(each) for each in (query, key, value)}
    if sizes != {rank}:
        raise Unproven("query, key and value have different numbers of axes")
    factor = contraction(query[-1], key[-1])
    if math.isnan(factor):
        raise Unproven("the widths of query and key do not fit")
    scores = factor * _scale(call, in_parent=False) / _scale(call, in_parent=True)
    call.require_factor("query", 1.0 if is_close(scores, 1.0) else scores, "the scores are")
    for name, axis in (("query", query[-2]), ("key", key[-2]), ("value", value[-2])):
        call.require(axis.is_identity, f"the places of the {name} differ")
    leading = [_heads(call, query[i], key[i], value[i]) for i in range(rank - 2)]
    _require_mask(call, leading)
    return (*leading, query[-2], value[-1])


def _heads(call: Call, query: AxisRelation, key: AxisRelation, value: AxisRelation) -> AxisRelation:
    """The relation of an axis that all three share: heads, or the batch."""
    if len(query) != len(key) or query.num_parent != key.num_parent:
        return _grouped_heads(call, query, key, value)
    if (len(query), query.num_parent) != (len(value), value.num_parent):
        raise Unproven("the values have other heads than the queries")
    both = query.agreeing_with(key).with_unit_scales().with_zero_as_junk().without_means()
    found = both.where((both.g == value.g) | (both.g == JUNK))
    return AxisRelation(found.g, value.s, found.num_parent).where(found.g != JUNK)


def _grouped_heads(call: Call, query: AxisRelation, key: AxisRelation, value: AxisRelation) -> AxisRelation:
    """Several heads of the query share one of key and value (``enable_gqa``): head i reads i // ratio."""
    if call.argument("enable_gqa") is not True or len(query) % len(key):
        raise Unproven(f"{len(query)} heads of the query meet {len(key)} of the key")
    ratio, in_parent = len(query) // len(key), query.num_parent // max(key.num_parent, 1)
    read = key.agreeing_with(value).g.repeat(ratio)
    is_right = (query.g >= 0) & (query.g // in_parent == read) & (query.s == 1)
    is_plain = (key.s == 1).all() and (value.s == 1).all()
    call.require(bool(is_plain), "heads are scaled")
    return query.where(is_right)


def _require_mask(call: Call, leading: list[AxisRelation]) -> None:
    """The mask has to be the same for each head as for the head that it comes from."""
    ours, theirs = call.has("attn_mask")
    call.require(ours == theirs, "only one of the two networks has a mask")
    if not ours or not theirs:
        return
    mask = list(call.operand("attn_mask"))
    mask = [identity(1)] * (len(leading) + 2 - len(mask)) + mask
    for axis, heads in zip(mask[:-2], leading, strict=True):
        is_shared = len(axis) == 1 and axis.num_parent == 1 and axis.is_identity
        is_same = (len(axis), axis.num_parent) == (len(heads), heads.num_parent) and bool(
            ((axis.g == heads.g) | (heads.g == JUNK)).all() and (axis.s == 1).all()
        )
        call.require(is_shared or is_same, "the mask's heads are others")
    call.require(all(axis.is_identity for axis in mask[-2:]), "the mask's places differ")


register("aten.scaled_dot_product_attention.default", rule=OperatorRule(_structure_sdpa, _relate_sdpa))
