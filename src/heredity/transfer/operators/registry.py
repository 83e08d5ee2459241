"""The registry of operators: what each does to axes (structure), and what can be proven of it (relation).

One registration holds both, so that neither is forgotten. An operator without a registration is still carried
over where everything about it is identical in both networks; anywhere else it ends the proof, by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from heredity.transfer.operators.axes import NodeAxes
    from heredity.transfer.operators.call import Call, InsertedCall
    from heredity.transfer.operators.relation import AxisRelation, Value

    StructureRule = Callable[[NodeAxes], None]
    RelationRule = Callable[[Call], tuple[AxisRelation, ...]]
    InsertionRule = Callable[[InsertedCall], Value]


@dataclass(frozen=True, slots=True)
class OperatorRule:
    """All that is known of one operator.

    Attributes:
        structure: Ties the axes that should be treated alike. A proposal; a mistake costs exactness, not
            truth.
        relation: A lemma: from the relations of the operands to the relation of the result, solving the
            tensors of the child on the way. A mistake here is a false proof.
        insertion: The same for an operator that the parent does not have; None if nothing can be said.
        zeroed_by: Operands that are tensors, and make the result zero if they are zero; the first is needed.
    """

    structure: StructureRule
    relation: RelationRule
    insertion: InsertionRule | None = None
    zeroed_by: tuple[str, ...] = ()


_RULES: dict[str, OperatorRule] = {}


def register(*targets: str, rule: OperatorRule) -> None:
    """Make a rule known for these operators. Each operator has one rule."""
    for target in targets:
        assert target not in _RULES, f"{target} has a rule already"  # noqa: S101  # our own mistake
        _RULES[target] = rule


def rule_of(target: str) -> OperatorRule | None:
    """The rule of an operator, or None."""
    return _RULES.get(target)


def known_operators() -> tuple[str, ...]:
    """The operators that have a rule."""
    return tuple(sorted(_RULES))
