"""Values that cannot be negative, or not even zero, whatever comes in: a mean of squares and a bit, say."""

from __future__ import annotations

from heredity.graph import Graph, Node, Ref, origin

# The result is nowhere negative.
_NONNEGATIVE = frozenset(
    f"aten.{name}"
    for name in (
        *("relu.default", "relu6.default", "abs.default", "square.default", "sigmoid.default", "exp.default"),
        *("softmax.int", "softplus.default", "hardsigmoid.default", "linalg_vector_norm.default"),
    )
)
# The result is everywhere above zero.
_POSITIVE = frozenset({"aten.exp.default", "aten.softplus.default"})
# The result has no other signs than the first operand.
_KEEPS_SIGN = frozenset(
    f"aten.{name}"
    for name in (
        *("max_pool1d.default", "max_pool2d.default", "max_pool3d.default", "avg_pool1d.default"),
        *("avg_pool2d.default", "avg_pool3d.default", "adaptive_avg_pool1d.default"),
        *("adaptive_avg_pool2d.default", "adaptive_avg_pool3d.default", "mean.dim", "mean.default"),
        *("sum.dim_IntList", "sum.default", "amax.default", "amin.default", "flatten.using_ints"),
        *("view.default", "reshape.default", "permute.default", "transpose.int", "unsqueeze.default"),
        *("squeeze.dim", "squeeze.default", "expand.default", "expand_as.default", "to.dtype"),
        *("slice.Tensor", "select.int"),
        *("contiguous.default", "clone.default", "sqrt.default"),
    )
)


def is_nonnegative(graph: Graph, name: str) -> bool:
    """Whether a value cannot be negative, for all inputs and all weights."""
    node = _origin_of_sign(graph, name)
    if node.target in _NONNEGATIVE:
        return True
    if node.target == "aten.pow.Tensor_Scalar":
        exponent = node.arguments.get("exponent")
        return isinstance(exponent, int | float) and exponent > 0 and exponent % 2 == 0
    ours, theirs = node.arguments.get("input"), node.arguments.get("other")
    if node.target == "aten.mul.Tensor" and isinstance(ours, Ref) and ours == theirs:
        return True
    return _is_sum_of_nonnegatives(graph, node, lowest=0.0)


def is_positive(graph: Graph, name: str) -> bool:
    """Whether a value is above zero, for all inputs and all weights."""
    node = _origin_of_sign(graph, name)
    if node.target in _POSITIVE:
        return True
    lower = node.arguments.get("min")
    if node.target in {"aten.clamp_min.default", "aten.clamp.default"} and isinstance(lower, int | float):
        return lower > 0
    return _is_sum_of_nonnegatives(graph, node, lowest=1e-300)


def _origin_of_sign(graph: Graph, name: str) -> Node:
    node = graph[origin(graph, name)]
    while node.target in _KEEPS_SIGN and not node.dtype.startswith(("int", "uint", "bool")):
        operand = node.arguments.get("input")
        if not isinstance(operand, Ref):
            return node
        node = graph[origin(graph, operand.name)]
    return node


def _is_sum_of_nonnegatives(graph: Graph, node: Node, *, lowest: float) -> bool:
    """Whether it is a sum of nothing negative, with a number of at least this size."""
    if node.target not in {"aten.add.Tensor", "aten.add.Scalar"} or node.arguments.get("alpha", 1) != 1:
        return False
    ours, theirs = node.arguments.get("input"), node.arguments.get("other")
    if not isinstance(ours, Ref) or not is_nonnegative(graph, ours.name):
        return False
    if isinstance(theirs, Ref):
        return lowest == 0 and is_nonnegative(graph, theirs.name)
    return isinstance(theirs, int | float) and theirs >= lowest
