"""Which axes of the two networks belong together: union-find over the axes of both, side by side.

What comes out is a proposal: the proof in `solve` uses it and does not believe it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.graph import Graph, Kind, origin
from heredity.graph.tokens import passes_through
from heredity.transfer.operators.atoms import AxisAtoms
from heredity.transfer.operators.axes import NodeAxes
from heredity.transfer.operators.registry import rule_of

if TYPE_CHECKING:
    from heredity.transfer.passes.align import Alignment


def axis_atoms(parent: Graph, child: Graph, alignment: Alignment) -> AxisAtoms:
    """Find which axes of a child, and of the parent that it is aligned with, are to be treated alike."""
    partners = {**alignment.borrowed, **alignment.partner}
    atoms = AxisAtoms()
    for node in child.nodes:
        partner = partners.get(origin(child, node.name))  # what changes nothing has no partner of its own
        in_parent = parent[partner].shape if partner is not None else None
        is_known = in_parent is not None and len(in_parent) == len(node.shape or ())
        for axis, size in enumerate(node.shape or ()):
            num_parent = in_parent[axis] if is_known and in_parent is not None else None
            atoms.add((node.name, axis), num_parent=num_parent, num_child=size)
    for node in child.of_kind(Kind.CALL):
        axes = NodeAxes(child, parent, node, partners, atoms)
        rule = rule_of(node.target)
        if passes_through(child, node.name) is not None:
            axes.tie_all(next(iter(node.arguments)))
        elif rule is not None:
            rule.structure(axes)
    return atoms
