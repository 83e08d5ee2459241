"""Which tensors of an operator make its result zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.graph import Ref
from heredity.transfer.operators.maps import constant
from heredity.transfer.operators.registry import rule_of
from heredity.transfer.operators.relation import Unproven

if TYPE_CHECKING:
    from heredity.graph import Graph, Node
    from heredity.transfer.operators.maps import Assignment


def zeroing(child: Graph, node: Node) -> list[Assignment]:
    """The tensors that make an operator's result zero if they are zero; empty if there are none."""
    rule = rule_of(node.target)
    names = rule.zeroed_by if rule is not None else ()
    found: dict[str, Assignment] = {}
    for name in names:
        try:
            found[name] = constant(child, node, name, 0.0)
        except Unproven:
            is_needed = rule is not None and not rule.is_zeroed_by_any
            if is_needed and (name == names[0] or isinstance(node.arguments.get(name), Ref)):
                return []
    if rule is not None and rule.is_zeroed_by_any:
        return list(found.values())[:1]
    return list(found.values())
