"""What a relation rule sees: one operator of the child, its partner in the parent, and what is proven so far.

A rule states what it needs (`Call.require`). A need that is not met does not stop it: the call is tainted
with the reason, the rule goes on with what the structure proposes, and everything that depends on it is
approximate.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from heredity.graph import Argument, Graph, Node, Ref, origin
from heredity.transfer.operators.relation import (
    JUNK,
    ZERO,
    AxisRelation,
    Junk,
    Related,
    Unproven,
    Value,
    Zero,
    identity,
)
from heredity.transfer.plans.plan import FRESH_ENTRY, ZERO_ENTRY, AxisMap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heredity.transfer.passes.choose import AxisMaps


@dataclass(frozen=True, slots=True)
class Assignment:
    """A child's tensor as a rule solves it: from which tensor, by which maps; no tensor means a constant."""

    tensor: str
    source: str
    axes: tuple[AxisMap, ...] = ()
    value: float = 0.0


@dataclass
class Call:
    """One operator of the child and its partner, while its rule runs.

    Attributes:
        child: The child's graph.
        parent: The parent's graph.
        node: The child's operator.
        partner: The parent's operator that it is aligned with.
        values: What is known of the values before it.
        maps: What is proposed for the axes.
        assignments: The tensors that the rule has solved.
        taint: The first reason why the result is not proven; empty so far if it is.
    """

    child: Graph
    parent: Graph
    node: Node
    partner: Node
    values: Mapping[str, Value]
    maps: AxisMaps
    assignments: list[Assignment] = field(default_factory=list)
    taint: str = ""

    def require(self, condition: bool, reason: str) -> None:  # noqa: FBT001  # it reads like an assertion
        """State what the proof needs. If it does not hold, the result is tainted with the reason."""
        if not condition and not self.taint:
            self.taint = f"{reason} (at {self.node.name})"

    def require_same(self, *names: str) -> None:
        """Require that these arguments are equal in both networks."""
        for name in names:
            ours, theirs = self.node.arguments.get(name), self.partner.arguments.get(name)
            self.require(ours == theirs, f"{name} is {_text(ours)}, in the parent {_text(theirs)}")

    def argument(self, name: str) -> Argument:
        """A plain argument of the child's operator."""
        return self.node.arguments.get(name)

    def has(self, name: str) -> tuple[bool, bool]:
        """Whether the child's operator, and its partner, have this operand."""
        ours, theirs = self.node.arguments.get(name), self.partner.arguments.get(name)
        return isinstance(ours, Ref), isinstance(theirs, Ref)

    def reads(self, name: str, *, as_partner: str) -> bool:
        """Whether an operand relates to the partner's operand of another name, as in a swapped sum."""
        ours, theirs = self.node.arguments.get(name), self.partner.arguments.get(as_partner)
        if not isinstance(ours, Ref) or not isinstance(theirs, Ref):
            return False
        value = self.values[ours.name]
        return isinstance(value, Related) and value.parent == origin(self.parent, theirs.name)

    def operand(self, name: str, *, as_partner: str = "") -> tuple[AxisRelation, ...]:
        """How an operand relates to the partner's operand, axis by axis.

        If that is not proven, the call is tainted and the proposal is returned. A tensor of the state dict is
        solved so that it relates as proposed.

        Args:
            name: The operand.
            as_partner: The partner's operand; the one of the same name if this is empty.

        Raises:
            Unproven: There is not even a proposal.
        """
        ours, theirs = self._operand_nodes(name, as_partner)
        if ours.is_stored:
            axes = self.proposal(ours.name, theirs.name)
            self.assign(name, *map(rows, axes), as_partner=as_partner)
            return axes
        value = self.values[ours.name]
        expected = origin(self.parent, theirs.name)
        if isinstance(value, Related) and value.parent == expected:
            self.taint = self.taint or value.taint
            return value.axes
        self._note_unrelated(name, value, expected)
        return self.proposal(ours.name, theirs.name)

    def _note_unrelated(self, name: str, value: Value, expected: str) -> None:
        if isinstance(value, Junk):
            self.taint = self.taint or value.reason
            return
        found = "zero" if isinstance(value, Zero) else f"the parent's {value.parent}"
        self.require(condition=False, reason=f"{name} is {found}, but the parent reads {expected}")

    def proposal(self, ours: str = "", theirs: str = "") -> tuple[AxisRelation, ...]:
        """What the structure proposes for a value, axis by axis; for the result if no names are given.

        Raises:
            Unproven: The values have different numbers of axes.
        """
        child_node = self.child[ours] if ours else self.node
        parent_node = self.parent[theirs] if theirs else self.partner
        child_shape, parent_shape = child_node.shape, parent_node.shape
        if child_shape is None or parent_shape is None or len(child_shape) != len(parent_shape):
            raise Unproven(f"{child_node.name} has shape {child_shape}, in the parent {parent_shape}")
        return tuple(
            self.maps.of((child_node.name, axis), num_parent=n, num_child=m)
            for axis, (n, m) in enumerate(zip(parent_shape, child_shape, strict=True))
        )

    def tensor_shapes(self, name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shapes of a tensor operand in the child and in the parent.

        Raises:
            Unproven: It is not a tensor of the state dict in both networks.
        """
        ours, theirs = self._operand_nodes(name)
        if not ours.is_stored or not theirs.is_stored:
            raise Unproven(f"{name} is not a tensor of the state dict but computed")
        return ours.shape or (), theirs.shape or ()

    def assign(self, name: str, *axes: AxisMap, as_partner: str = "") -> None:
        """Solve a tensor operand: the parent's tensor through these maps.

        Raises:
            Unproven: The tensor does not have the shape that the maps are for.
        """
        ours, theirs = self._operand_nodes(name, as_partner)
        if not ours.is_stored or not theirs.is_stored:
            raise Unproven(f"{name} is not a tensor of the state dict but computed")
        child_shape, parent_shape = ours.shape or (), theirs.shape or ()
        fits = len(axes) == len(child_shape) == len(parent_shape) and all(
            len(axis.sources) == m and max(axis.sources, default=-1) < n
            for axis, m, n in zip(axes, child_shape, parent_shape, strict=True)
        )
        if not fits or (ours.dtype.startswith(("int", "bool")) and ours.dtype != theirs.dtype):
            raise Unproven(
                f"{name} is {child_shape} {ours.dtype}, in the parent {parent_shape} {theirs.dtype}"
            )
        self.assignments.append(Assignment(ours.tensor, theirs.tensor, axes))

    def assign_constant(self, name: str, value: float) -> None:
        """Solve a tensor that only the child has: this value all over.

        Raises:
            Unproven: It is not a tensor of the state dict.
        """
        ours = self.node.arguments.get(name)
        if not isinstance(ours, Ref) or not self.child[ours.name].is_stored:
            raise Unproven(f"{name} is not a tensor of the state dict but computed")
        self.assignments.append(Assignment(self.child[ours.name].tensor, "", value=value))

    def _operand_nodes(self, name: str, as_partner: str = "") -> tuple[Node, Node]:
        ours, theirs = self.node.arguments.get(name), self.partner.arguments.get(as_partner or name)
        if not isinstance(ours, Ref) or not isinstance(theirs, Ref):
            raise Unproven(f"{name} is {_text(ours)}, in the parent {_text(theirs)}")
        return self.child[ours.name], self.parent[theirs.name]


@dataclass(frozen=True, slots=True)
class InsertedCall:
    """One operator that only the child has, while its rule runs.

    Attributes:
        child: The child's graph.
        parent: The parent's graph.
        node: The child's operator.
        values: What is known of the values before it.
    """

    child: Graph
    parent: Graph
    node: Node
    values: Mapping[str, Value]

    def operand(self, name: str) -> Value:
        """What is known of an operand.

        Raises:
            Unproven: It is not the value of a node.
        """
        ref = self.node.arguments.get(name)
        if not isinstance(ref, Ref):
            raise Unproven(f"{name} is {_text(ref)}")
        return self.values[ref.name]


def rows(relation: AxisRelation, *, zero: int = ZERO_ENTRY) -> AxisMap:
    """How a producer's rows follow from the relation that its result is to have: W' = E W.

    Args:
        relation: The result's relation along the axis.
        zero: What to put where the result is to be zero.
    """
    sources = np.where(relation.g == JUNK, FRESH_ENTRY, np.where(relation.g == ZERO, zero, relation.g))
    return _axis_map(sources, np.where(relation.is_used, relation.s, 1.0))


def columns(call: Call, relation: AxisRelation) -> AxisMap:
    """How a consumer's columns follow from the relation of what it reads: W' = W D, with D E = 1.

    Copies share the parent's weight equally. Nothing may come from junk, so those columns are zero; zero may
    be read with any weight, so those stay fresh. All parent entries have to arrive.
    """
    counts = relation.counts
    lost = int((counts == 0).sum())
    call.require(lost == 0, f"{lost} of {relation.num_parent} entries of the parent's axis are left out")
    sources = np.where(relation.g == JUNK, ZERO_ENTRY, np.where(relation.g == ZERO, FRESH_ENTRY, relation.g))
    share = np.where(relation.is_used, counts[np.maximum(relation.g, 0)], 1) if len(counts) else 1
    return _axis_map(sources, np.where(relation.is_used, 1.0 / (share * relation.s), 1.0))


def whole(size: int) -> AxisMap:
    """The map of an axis that stays as it is."""
    return rows(identity(size))


def _axis_map(sources: np.ndarray[tuple[int], np.dtype[np.int64]], scales: object) -> AxisMap:
    factors = np.broadcast_to(np.asarray(scales, dtype=np.float64), sources.shape)
    is_plain = bool((factors == 1).all())
    return AxisMap(tuple(sources.tolist()), None if is_plain else tuple(factors.tolist()))


def _text(argument: Argument) -> str:
    return argument.name if isinstance(argument, Ref) else str(argument)
