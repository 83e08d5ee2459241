"""Rules for products of tensors: matmul and its kin, einsum, bilinear layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.graph import Ref
from heredity.transfer.operators.atoms import Use, mark
from heredity.transfer.operators.axes import RESULT, NodeAxes
from heredity.transfer.operators.call import Call, InsertedCall
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import AxisRelation, Unproven, Value, Zero, with_factor_on
from heredity.transfer.operators.rules.affine import assign_bias
from heredity.transfer.operators.rules.combining.contraction import relate_product
from heredity.transfer.operators.rules.combining.labels import Product, product_of
from heredity.transfer.operators.rules.entrywise.agreement import agreed, aligned
from heredity.transfer.operators.tensor_view import tensor_view

if TYPE_CHECKING:
    from heredity.transfer.operators.atoms import Place

Axes = tuple[AxisRelation, ...]


def _structure(axes: NodeAxes) -> None:
    try:
        product = product_of(axes.graph, axes.node)
    except Unproven:
        return
    for label in {label for labels in product.labels for label in labels}:
        _structure_label(axes, product, label)


def _structure_label(axes: NodeAxes, product: Product, label: str) -> None:
    """Axes of one label belong together, unless two activations are summed over it: they have a rule."""
    places: list[Place] = [
        (node.name, labels.index(label))
        for node, labels in zip(product.operands, product.labels, strict=True)
        if label in labels and (node.shape or ())[labels.index(label)] == product.size(label)
    ]
    has_tensor = any(tensor_view(axes.graph, name) is not None for name, _ in places)
    if label not in product.result and not has_tensor:
        for number, place in enumerate(places):
            only = Use.AVERAGED if len(places) == 1 else Use.SUMMED
            mark(axes.atoms.of(place), only if number == 0 else Use.SUMMED_WITH)
        return
    if label in product.result:
        places.append((axes.node.name, product.result.index(label)))
    for place in places[1:]:
        axes.tie_places(places[0], place)


def _relate(call: Call) -> Axes:
    """What is a tensor of the state dict is solved; activations have to fit."""
    ours = product_of(call.known.child, call.node)
    theirs = product_of(call.known.parent, call.partner)
    if len(ours.names) != len(theirs.names):
        raise Unproven("another number of tensors is multiplied")
    weight = _weight(call, ours)
    known = [None if name == weight else _operand(call, ours, name) for name in ours.names]
    return relate_product(call, ours, theirs, known)


def _weight(call: Call, product: Product) -> str:
    """The operand that is solved: the last tensor of the state dict, if something else is multiplied."""
    tensors = [name for name in product.names if call.is_tensor(name)]
    return tensors[-1] if tensors and len(product.names) > 1 else ""


def _operand(call: Call, product: Product, name: str) -> Axes:
    """An operand, with the factor of all its entries on an axis that is summed over: it ends there."""
    axes = call.operand(name)
    labels = product.labels[product.names.index(name)]
    summed = [i for i, label in enumerate(labels) if label not in product.result]
    return tuple(with_factor_on(axes, summed[-1])) if summed else axes


def _insert(call: InsertedCall) -> Value:
    """Zero times anything that is finite is zero."""
    refs = [call.known.values[name] for name in call.node.refs()]
    if any(isinstance(value, Zero) for value in refs):
        return Zero()
    raise Unproven(f"a new {call.node.target} changes what comes in")


def _structure_baddbmm(axes: NodeAxes) -> None:
    _structure(axes)
    axes.tie_all("input")


def _relate_baddbmm(call: Call) -> Axes:
    """Alpha times a product, and beta times something added, which has to relate alike."""
    call.require_same("beta")
    ours, theirs = call.argument("alpha"), call.argument_in_parent("alpha")
    if not isinstance(ours, int | float) or not isinstance(theirs, int | float) or not ours * theirs:
        raise Unproven(f"alpha is {ours}, in the parent {theirs}")
    product = _relate(call)
    product = (*product[:-1], product[-1].times(ours / theirs))
    if call.argument("beta") == 0:
        return product
    shape = call.node.shape or ()
    added = aligned(call.operand("input"), len(shape))
    sides = [with_factor_on(axes, -1) for axes in (product, added)]
    return tuple(agreed(a, b, size) for a, b, size in zip(*sides, shape, strict=True))


def _structure_bilinear(axes: NodeAxes) -> None:
    _structure(axes)
    axes.tie("bias", 0, RESULT, -1)


def _relate_bilinear(call: Call) -> Axes:
    """X W y + b, with both inputs' axes summed over."""
    found = _relate(call)
    assign_bias(call, found[-1])
    if isinstance(call.node.arguments.get("bias"), Ref):
        call.require(all(axis.factor == 1 for axis in found[:-1]), "a bias is added to scaled entries")
        return (*(axis.with_zero_as_junk() for axis in found[:-1]), found[-1])
    return found


register(
    *(f"aten.{name}.default" for name in ("matmul", "bmm", "mm", "mv", "dot", "outer", "einsum")),
    rule=OperatorRule(
        _structure, _relate, _insert, zeroed_by=("other", "mat2", "vec", "input"), is_zeroed_by_any=True
    ),
)
register("aten.baddbmm.default", rule=OperatorRule(_structure_baddbmm, _relate_baddbmm))
register(
    "aten.bilinear.default",
    rule=OperatorRule(_structure_bilinear, _relate_bilinear, zeroed_by=("weight", "bias")),
)
