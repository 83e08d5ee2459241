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
    Axes = tuple[AxisRelation, ...]
    RelationRule = Callable[[Call], Axes | list[Axes]]
    InsertionRule = Callable[[InsertedCall], Value]


@dataclass(frozen=True, slots=True)
class OperatorRule:
    """All that is known of one operator.

    Attributes:
        structure: Ties the axes that should be treated alike. A proposal; a mistake costs exactness, not
            truth.
        relation: A lemma: from the relations of the operands to the relation of the result (or of each part,
            if it is a list), solving the tensors of the child on the way. A mistake here is a false proof.
        insertion: The same for an operator that the parent does not have; None if only zero passes.
        zeroed_by: Operands that are tensors, and make the result zero if they are zero; the first is needed.
        is_zeroed_by_any: Any one of these operands is enough, as for a product.
        keeps_zero: Whether the result is zero if the first operand is: so a new branch that is zero stays so.
    """

    structure: StructureRule
    relation: RelationRule
    insertion: InsertionRule | None = None
    zeroed_by: tuple[str, ...] = ()
    is_zeroed_by_any: bool = False
    keeps_zero: bool = False


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
