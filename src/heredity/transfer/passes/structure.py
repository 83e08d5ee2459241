"""Which axes of the two networks belong together: union-find over the axes of both, side by side.

All axes that must be treated alike (a layer's output, the next one's input, everything that a residual stream
touches) form one class. It has a length in the parent and one in the child. What comes out is a proposal: the
proof in `solve` uses it and does not believe it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.graph import Graph, Kind
from heredity.graph.tokens import passes_through
from heredity.transfer.operators.axes import AxisClasses, NodeAxes
from heredity.transfer.operators.registry import rule_of

if TYPE_CHECKING:
    from heredity.transfer.passes.align import Alignment


def axis_classes(parent: Graph, child: Graph, alignment: Alignment) -> AxisClasses:
    """Find the classes of axes of a child that is aligned with a parent."""
    classes = AxisClasses()
    for node in child.nodes:
        partner = alignment.partner.get(node.name)
        shape_in_parent = parent[partner].shape if partner is not None else None
        is_known = shape_in_parent is not None and len(shape_in_parent) == len(node.shape or ())
        for axis, size in enumerate(node.shape or ()):
            num_parent = shape_in_parent[axis] if is_known and shape_in_parent is not None else None
            classes.add((node.name, axis), num_parent=num_parent, num_child=size)
    for node in child.of_kind(Kind.CALL):
        axes = NodeAxes(child, node, classes)
        rule = rule_of(node.target)
        if passes_through(child, node.name) is not None:
            axes.tie_all(next(iter(node.arguments)))
        elif rule is not None:
            rule.structure(axes)
    return classes
