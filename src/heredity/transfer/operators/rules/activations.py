"""Rules for functions of one number, applied to each entry by itself.

What a function does to a relation depends on three things: whether it maps zero to zero, whether a factor
passes through it (any factor, a positive one, none), and whether a mean does (only through linear ones).
"""

from __future__ import annotations

import numpy as np

from heredity.graph import Node, Ref
from heredity.transfer.operators.axes import NodeAxes
from heredity.transfer.operators.call import Call, InsertedCall
from heredity.transfer.operators.registry import OperatorRule, register
from heredity.transfer.operators.relation import (
    JUNK,
    AxisRelation,
    Related,
    Unproven,
    Value,
    Zero,
    snapped,
    total_factor,
)
from heredity.transfer.operators.rules.entrywise.signs import is_nonnegative, is_positive

# Other number formats of the same numbers: f(s x) = s f(x) for all s, unless whole numbers are made.
_CASTS = (
    "to.dtype",
    "to.device",
    "to.dtype_layout",
    "_to_copy.default",
    "lift_fresh_copy.default",
)

# f(s x) = s f(x) for s > 0.
_HOMOGENEOUS = ("relu.default", "leaky_relu.default", "abs.default")

# f(0) = 0.
_KEEPS_ZERO = (
    *(
        "gelu.default",
        "silu.default",
        "tanh.default",
        "hardswish.default",
        "mish.default",
    ),
    *(
        "relu6.default",
        "elu.default",
        "selu.default",
        "celu.default",
        "sin.default",
        "erf.default",
        "sign.default",
    ),
    *("square.default", "tan.default", "asinh.default", "expm1.default"),
    *("softshrink.default", "hardshrink.default", "softsign.default", "floor.default", "round.default"),
    *("ceil.default", "trunc.default", "frac.default", "atan.default", "sinh.default", "nan_to_num.default"),
    "sgn.default",
)

_OTHER = (
    *("sigmoid.default", "exp.default", "softplus.default", "hardsigmoid.default", "cos.default"),
    *("log_sigmoid.default", "logical_not.default", "rsub.Scalar", "bitwise_not.default"),
    *("remainder.Scalar", "fmod.Scalar", "cosh.default"),
    *("exp2.default", "erfc.default", "threshold.default", "isnan.default", "special_expit.default"),
)

# f(0) = 0 if zero lies between two bounds.
_BETWEEN = (*("hardtanh.default", "clamp.default", "clamp_min.default", "clamp_max.default", "clip.default"),)

# Not finite for some numbers, zero or negative ones.
_PARTIAL = ("rsqrt.default", "log.default", "reciprocal.default", "sqrt.default", "log1p.default")


def _structure(axes: NodeAxes) -> None:
    axes.tie_all("input")


def _settings(call: Call) -> tuple[AxisRelation, ...]:
    call.require_same(*(name for name in call.node.arguments if name != "input"))
    return call.operand("input")


def _relate_linear(call: Call) -> tuple[AxisRelation, ...]:
    return call.operand("input")


def _relate_cast(call: Call) -> tuple[AxisRelation, ...]:
    """Whole numbers and truth values are cut off, so that neither factors nor means pass."""
    if _is_real(call.node.dtype) and _is_real(call.partner.dtype):
        return call.operand("input")
    call.require(
        call.node.dtype == call.partner.dtype, f"it is {call.node.dtype}, in the parent {call.partner.dtype}"
    )
    axes = call.operand("input")
    return tuple(axis.without_means().with_unit_scales() for axis in axes)


def _is_real(dtype: str) -> bool:
    return dtype.startswith(("float", "bfloat", "complex"))


def _relate_homogeneous(call: Call) -> tuple[AxisRelation, ...]:
    """A factor is the product of the axes' factors, so that each being positive is enough."""
    return tuple(axis.without_means().with_positive_scales() for axis in _settings(call))


def _relate_keeping_zero(call: Call) -> tuple[AxisRelation, ...]:
    axes = _settings(call)
    if total_factor(axes) == 1:
        return tuple(axis.without_means().unscaled() for axis in axes)
    call.wish_unscaled("input", axes)
    return tuple(axis.without_means().with_unit_scales() for axis in axes)


def _relate_other(call: Call) -> tuple[AxisRelation, ...]:
    return tuple(axis.with_zero_as_junk() for axis in _relate_keeping_zero(call))


def _relate_between(call: Call) -> tuple[AxisRelation, ...]:
    return _relate_keeping_zero(call) if _keeps_zero(call.node) else _relate_other(call)


def _keeps_zero(node: Node) -> bool:
    """Whether zero lies between the bounds that values are kept between."""
    lower = [node.arguments.get(name) for name in ("min", "min_val")]
    upper = [node.arguments.get(name) for name in ("max", "max_val")]
    return all(
        bound is None or (isinstance(bound, int | float) and sign * bound <= 0)
        for sign, bounds in ((1, lower), (-1, upper))
        for bound in bounds
    )


def _insert_between(call: InsertedCall) -> Value:
    if isinstance(call.operand("input"), Zero) and _keeps_zero(call.node):
        return Zero()
    raise Unproven(f"a new {call.node.target} changes what comes in")


def _relate_partial(call: Call) -> tuple[AxisRelation, ...]:
    """What is not known could be outside of where the function has values, and the rest would be lost."""
    axes = _relate_other(call)
    ref = call.node.arguments.get("input")
    is_inside = isinstance(ref, Ref) and is_positive(call.known.child, ref.name)
    if any(axis.has(JUNK) for axis in axes) and not is_inside:
        raise Unproven(f"{call.node.target} of new entries, which may be zero or negative")
    return axes


def _insert_relu(call: InsertedCall) -> Value:
    """A new ReLU changes nothing behind another one: relu(relu(x)) = relu(x) (Net2Net's deeper net)."""
    value = call.operand("input")
    if (
        isinstance(value, Related)
        and is_nonnegative(call.known.parent, value.parent)
        and all((axis.s > 0).all() for axis in value.axes)
    ):
        return value
    raise Unproven("a new ReLU changes what comes in")


def _insert_cast(call: InsertedCall) -> Value:
    """A change of the number format is none in real arithmetic."""
    value = call.operand("input")
    if not _is_real(call.node.dtype):
        raise Unproven(f"a new change to {call.node.dtype}")
    if not isinstance(value, Related | Zero):
        raise Unproven("what comes in is not known")
    return value


def _relate_pow(call: Call) -> tuple[AxisRelation, ...]:
    """(s x)^c = s^c x^c, for a whole number c, or for s > 0."""
    call.require_same("exponent")
    exponent = call.argument("exponent")
    if not isinstance(exponent, int | float) or exponent <= 0:
        raise Unproven(f"a power of {exponent}")
    axes = [axis.without_means() for axis in call.operand("input")]
    if exponent != int(exponent):
        axes = [axis.with_positive_scales() for axis in axes]
        if any(axis.has(JUNK) for axis in axes):
            raise Unproven("a root of new entries, which may be negative")
    return tuple(AxisRelation(axis.g, snapped(np.power(axis.s, exponent)), axis.num_parent) for axis in axes)


for _names, _rule in (
    (("neg.default",), OperatorRule(_structure, _relate_linear, keeps_zero=True)),
    (_CASTS, OperatorRule(_structure, _relate_cast, _insert_cast, keeps_zero=True)),
    (_HOMOGENEOUS[1:], OperatorRule(_structure, _relate_homogeneous, keeps_zero=True)),
    (_KEEPS_ZERO, OperatorRule(_structure, _relate_keeping_zero, keeps_zero=True)),
    (_BETWEEN, OperatorRule(_structure, _relate_between, _insert_between)),
    (_OTHER, OperatorRule(_structure, _relate_other)),
    (_PARTIAL, OperatorRule(_structure, _relate_partial)),
):
    register(*(f"aten.{name}" for name in _names), rule=_rule)
register(
    "aten.relu.default", rule=OperatorRule(_structure, _relate_homogeneous, _insert_relu, keeps_zero=True)
)
register("aten.pow.Tensor_Scalar", rule=OperatorRule(_structure, _relate_pow))
