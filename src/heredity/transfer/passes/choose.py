"""Which entries of the parent each class of axes takes: the policy, which decides what is grown and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.transfer.operators.relation import JUNK, AxisRelation, gather, identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heredity.transfer.operators.axes import Axis, AxisClasses


@dataclass(frozen=True)
class AxisMaps:
    """The relation that is proposed for each axis of the child.

    Attributes:
        classes: The classes of axes.
        chosen: The relation for each class, by its root.
    """

    classes: AxisClasses
    chosen: Mapping[Axis, AxisRelation]

    def of(self, axis: Axis, *, num_parent: int, num_child: int) -> AxisRelation:
        """The relation that is proposed for an axis of these lengths."""
        relation = self.chosen.get(self.classes.of(axis).root)
        if relation is None or relation.num_parent != num_parent or len(relation) != num_child:
            return default_relation(num_parent, num_child)
        return relation


def default_relation(num_parent: int, num_child: int) -> AxisRelation:
    """Keep what is there; when growing, "fresh in, zero out"; when shrinking, the first entries.

    Growing: the entries that the parent has, then junk. The producers of a new entry keep the child's own
        random weights, its consumers get zero columns (network morphism: Wei et al., 2016, arXiv:1603.01670).
        The other way round, zero rows before a ReLU, would be dead for ever: the new unit is 0, torch takes
        relu'(0) = 0, and so neither side ever gets a gradient. Here the new unit is alive from the start, and
        its zero columns get gradients in the first step.
    """
    if num_parent == num_child:
        return identity(num_child)
    kept = list(range(min(num_parent, num_child)))
    return gather(kept + [JUNK] * (num_child - len(kept)), num_parent=num_parent)


def choose(classes: AxisClasses) -> AxisMaps:
    """Choose the relation of each class of axes; a class that the parent does not have is junk all over."""
    return AxisMaps(
        classes, {each.root: default_relation(each.num_parent or 0, each.num_child) for each in classes.all()}
    )
