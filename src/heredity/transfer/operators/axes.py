"""What a structure rule sees: one operator of the child, and the axes of its operands and its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.graph import Graph, Node, Ref
from heredity.transfer.operators.arguments import argument_at
from heredity.transfer.operators.atoms import Atom, AxisAtoms, Use, mark, set_pieces, tie

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heredity.transfer.operators.atoms import Axis, Place

RESULT = ""
"""Stands for an operator's result where an operand's name could stand."""

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NodeAxes:
    """One operator of the child. Operands go by their names in the operator's schema.

    Attributes:
        graph: The child's graph.
        parent: The parent's graph.
        node: The child's operator.
        partners: The parent's node for a node of the child.
        atoms: The atoms of all axes so far.
    """

    graph: Graph
    parent: Graph
    node: Node
    partners: Mapping[str, str]
    atoms: AxisAtoms

    def rank(self, operand: str) -> int:
        """The number of axes of an operand or of the `RESULT`; 0 if there is no such tensor."""
        node = self.operand(operand)
        return len(node.shape or ()) if node is not None else 0

    def operand(self, name: str) -> Node | None:
        """The node that an operand is, or a part of one that is a list; None if it is not one."""
        if name == RESULT:
            return self.node
        ref = argument_at(self.node, name)
        return self.graph[ref.name] if isinstance(ref, Ref) else None

    def operands(self, name: str) -> tuple[Node, ...]:
        """The nodes of an operand that is a list."""
        value = self.node.arguments.get(name)
        parts = value if isinstance(value, tuple) else ()
        return tuple(self.graph[part.name] for part in parts if isinstance(part, Ref))

    def shapes(self, node: Node) -> tuple[Shape, Shape | None]:
        """The shape of a value in the child and in the parent; None if the parent has nothing like it."""
        partner = self.partners.get(node.name)
        return node.shape or (), self.parent[partner].shape if partner is not None else None

    def argument_in_parent(self, name: str) -> object:
        """A plain argument of the partner; of this operator itself if it has none."""
        partner = self.partners.get(self.node.name)
        return (self.parent[partner] if partner is not None else self.node).arguments.get(name)

    def axis(self, operand: str, axis: int) -> Axis | None:
        """The atoms of an axis; negative numbers count from the end. None if there is no such axis."""
        node, rank = self.operand(operand), self.rank(operand)
        if node is None or not -rank <= axis < rank:
            return None
        return self.atoms.of((node.name, axis % rank))

    def tie(self, one: str, axis: int, other: str, other_axis: int) -> None:
        """Treat two axes alike; absent operands are passed over."""
        ends = self.axis(one, axis), self.axis(other, other_axis)
        if ends[0] is not None and ends[1] is not None:
            tie(ends[0], ends[1])

    def tie_all(self, operand: str) -> None:
        """Treat all axes of an operand like those of the result, counted from the end."""
        for axis in range(1, min(self.rank(operand), self.rank(RESULT)) + 1):
            self.tie(operand, -axis, RESULT, -axis)

    def tie_places(self, one: Place, other: Place) -> None:
        """Treat two axes alike, each given by its node's name and its number."""
        tie(self.atoms.of(one), self.atoms.of(other))

    def mark(self, operand: str, axis: int, use: Use) -> None:
        """Note what the operator does to the entries of an axis."""
        atoms = self.axis(operand, axis)
        if atoms is not None:
            mark(atoms, use)

    def cut(self, place: Place, sizes: Sequence[tuple[int | None, int]]) -> tuple[Axis, ...]:
        """Cut an axis into pieces of these lengths (parent, child); return them."""
        pieces: tuple[Axis, ...] = tuple((Atom(n, m),) for n, m in sizes)
        set_pieces(self.atoms.of(place), pieces)
        return pieces

    def join(self, place: Place, pieces: Sequence[Place]) -> None:
        """Make an axis the concatenation of others."""
        set_pieces(self.atoms.of(place), [self.atoms.of(piece) for piece in pieces])
