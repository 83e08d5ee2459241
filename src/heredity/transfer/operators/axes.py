"""Axes of a child's tensors, and classes of those that are treated alike: what structure rules work on."""

from __future__ import annotations

from dataclasses import dataclass

from heredity.graph import Graph, Node, Ref

RESULT = ""
"""Stands for an operator's result where an operand's name could stand."""

Axis = tuple[str, int]
"""A node of the child, and the number of one of its axes."""


@dataclass(frozen=True, slots=True)
class AxisClass:
    """Axes that are treated alike.

    Attributes:
        root: One of them, which stands for all.
        num_parent: Their length in the parent; None if the parent has nothing like it.
        num_child: Their length in the child.
    """

    root: Axis
    num_parent: int | None
    num_child: int


class AxisClasses:
    """Union-find over the child's axes; each class knows its length in both networks."""

    def __init__(self) -> None:
        self._above: dict[Axis, Axis] = {}
        self._sizes: dict[Axis, tuple[int | None, int]] = {}

    def add(self, axis: Axis, *, num_parent: int | None, num_child: int) -> None:
        """Begin a class with one axis."""
        self._above[axis] = axis
        self._sizes[axis] = (num_parent, num_child)

    def tie(self, one: Axis, other: Axis) -> None:
        """Join two classes, if their lengths allow it; a broadcast axis, for one, stays apart."""
        root, lost = self._root(one), self._root(other)
        (n, m), (n_lost, m_lost) = self._sizes[root], self._sizes[lost]
        fits = m == m_lost and (n is None or n_lost is None or n == n_lost)
        if root != lost and fits:
            self._above[lost] = root
            self._sizes[root] = (n_lost if n is None else n, m)

    def of(self, axis: Axis) -> AxisClass:
        """The class of an axis."""
        root = self._root(axis)
        return AxisClass(root, *self._sizes[root])

    def all(self) -> tuple[AxisClass, ...]:
        """All classes."""
        return tuple(self.of(axis) for axis in self._above if self._root(axis) == axis)

    def _root(self, axis: Axis) -> Axis:
        while self._above[axis] != axis:
            self._above[axis] = self._above[
                self._above[axis]
            ]  # halves the path, so that later look-ups are short
            axis = self._above[axis]
        return axis


@dataclass(frozen=True, slots=True)
class NodeAxes:
    """What a structure rule sees: one operator of the child, and the axes of its operands and its result."""

    graph: Graph
    node: Node
    classes: AxisClasses

    def rank(self, operand: str) -> int:
        """The number of axes of an operand or of the `RESULT`; 0 if there is no such tensor."""
        node = self._node(operand)
        return len(node.shape or ()) if node is not None else 0

    def tie(self, one: str, axis: int, other: str, other_axis: int) -> None:
        """Treat two axes alike; negative numbers count from the end, absent operands are passed over."""
        ends = self._axis(one, axis), self._axis(other, other_axis)
        if ends[0] is not None and ends[1] is not None:
            self.classes.tie(ends[0], ends[1])

    def tie_all(self, operand: str) -> None:
        """Treat all axes of an operand like those of the result, counted from the end."""
        for axis in range(1, min(self.rank(operand), self.rank(RESULT)) + 1):
            self.tie(operand, -axis, RESULT, -axis)

    def _node(self, operand: str) -> Node | None:
        if operand == RESULT:
            return self.node
        ref = self.node.arguments.get(operand)
        return self.graph[ref.name] if isinstance(ref, Ref) else None

    def _axis(self, operand: str, axis: int) -> Axis | None:
        node, rank = self._node(operand), self.rank(operand)
        if node is None or not -rank <= axis < rank:
            return None
        return node.name, axis % rank
